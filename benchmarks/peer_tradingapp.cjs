// Runs the symphony evaluator of a checkout of github.com/Louvivien/tradingapp, untouched, on given prices.
//
//   node peer_tradingapp.cjs CHECKOUT < request.json > answers.json
//
// Request: {start, end, calendar, dates: [...], close: {TICKER: [number | null]}, strategies: {NAME: TEXT}}.
// Answer: {NAME: {seconds, dates, returns} | {error}}. Its price service, which would ask vendors over the
// network, is answered from the request; seconds are CPU seconds of its backtest, its parser included.
'use strict';

const fs = require('node:fs');
const Module = require('node:module');
const path = require('node:path');

// Decide at a close and earn from it to the next, as the engine does, rather than from the day before.
process.env.COMPOSER_PARITY_MODE = 'true';

const request = JSON.parse(fs.readFileSync(0, 'utf8'));
const bars = new Map(
  Object.entries(request.close).map(([ticker, closes]) => [
    ticker,
    request.dates
      .map((day, row) => ({ t: `${day}T00:00:00.000Z`, c: closes[row] }))
      .filter((bar) => bar.c !== null),
  ])
);

const prices = {
  getCachedPrices: async ({ symbol, startDate, endDate }) => {
    const from = startDate.toISOString();
    const until = endDate.toISOString();
    return { bars: (bars.get(symbol) || []).filter((bar) => from <= bar.t && bar.t <= until) };
  },
  normalizeAdjustment: () => 'all',
  fetchLatestPrice: async () => null,
};
const load = Module._load;
Module._load = function (name, ...rest) {
  return name === './priceCacheService' ? prices : load.call(this, name, ...rest);
};

const services = path.resolve(process.argv[2], 'server', 'services');
const { backtestDefsymphonyStrategy } = require(path.join(services, 'defsymphonyEvaluator.js'));

async function run(strategyText) {
  const before = process.cpuUsage();
  const { series } = await backtestDefsymphonyStrategy({
    strategyText,
    startDate: request.start,
    endDate: request.end,
    benchmarkSymbol: request.calendar,
  });
  const spent = process.cpuUsage(before);
  return {
    seconds: (spent.user + spent.system) / 1e6,
    dates: series.map((day) => day.date),
    returns: series.map((day) => day.dailyReturn),
  };
}

async function main() {
  const answers = {};
  const strategies = Object.entries(request.strategies);
  if (strategies.length) {
    await run(strategies[0][1]).catch(() => null); // Let the compiler warm up.
  }
  for (const [name, text] of strategies) {
    answers[name] = await run(text).catch((error) => ({ error: String(error.message) }));
  }
  process.stdout.write(JSON.stringify(answers));
}

main();
