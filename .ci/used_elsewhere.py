"""Names that nothing in the project mentions, because a framework, a file's reader or a template uses them.

`make check` runs vulture, which reports every other unused name. What really is unused belongs deleted, not listed.
"""

# Airflow, its web server's settings, and the plugins that it loads
AUTH_TYPE, AUTH_USER_REGISTRATION, AUTH_RATE_LIMITED, AUTH_RATE_LIMIT
WTF_CSRF_ENABLED, SESSION_COOKIE_SAMESITE
PretrainingPages, fastapi_apps, TradingDayPlugin, timetables
operator_extra_links, get_link, deserialize, lineage_context, max_tries, map_indexes
keep_runs, runs_older_than_days
AuthManager

# Docker and Kubernetes
merge_environment_settings, container_resources, volume_mounts

# stable-baselines3
step_async, step_wait, get_attr, set_attr, env_method, env_is_wrapped, wrapper_class
latent_dim_pi, latent_dim_vf, _build_mlp_extractor, _update_learning_rate
_on_training_start, _on_rollout_start, _on_rollout_end, _on_step, _build
_get_torch_save_params, max_grad_norm, collect_rollouts, pos

# asyncio and reprlib
run_in_executor, maxstring

# Alembic, database drivers, Optuna, yfinance, uvicorn, argparse, context managers
down_revision, branch_labels, depends_on, downgrade
autocommit, isolation_level, sampler, hide_exceptions, should_exit, formatter_class, trace

# Fixtures that are asked for by name
official, airflow_database, _dags_on_path, _no_key, at_remote, small_chunks, at_once

# Fields that only readers of files see: the analysis, the evidence, the manifests, the registry
mean_block_dates, loss_tail_index, shapiro_wilk, mean_reward_low, mean_reward_high, first_entry
effective_strategies, fitted_rows, silhouette_error, silhouette_rows, stability_sd
train_rows, score_rows, score_from, base_log_loss
torch_threads, settings_sha256, switches, level_reached, contaminated
champion_days, champion_p_value, charted, change_week

# Fields of Composer's answers
trailing_one_month_return, trailing_three_month_return, trailing_one_year_return
pearson_r, r_square, data_warnings

# A limit of joblib, which it reads itself
_MAX_MEMORY_LEAK_SIZE
