// Follow the theme that the reader has chosen in Airflow, and apply a changed choice at once.
"use strict";

const KEY = "theme"; // where Airflow's UI stores it: light, dark or system

function follow() {
  let theme = null;
  try {
    theme = localStorage.getItem(KEY);
  } catch {
    // The browser stores nothing: the system's choice applies.
  }
  document.documentElement.dataset.theme = theme === "dark" || theme === "light" ? theme : "system";
}

follow();
addEventListener("storage", (event) => {
  if (event.key === KEY) follow();
});
document.addEventListener("change", (event) => {
  if (event.target instanceof HTMLSelectElement && event.target.form) event.target.form.requestSubmit();
});
