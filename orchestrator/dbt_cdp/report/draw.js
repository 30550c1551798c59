"use strict";

// Draws the charts that the page holds as JSON, in the page's colours, and again when these change.
const drawn = [];

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function number(value, unit) {
  const digits = unit === "s" && value < 100 ? 1 : 0;
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

function dataset(chart, name, values, position) {
  const shade = colour(`--series-${position}`);
  const isLonely = values.filter((value) => value !== null).length < 40;
  return {
    label: name,
    data: values,
    backgroundColor: shade,
    borderColor: shade,
    borderWidth: chart.kind === "line" ? 2 : 0,
    pointRadius: isLonely ? 2.5 : 0,
    spanGaps: true,
    maxBarThickness: 40,
  };
}

function axis(chart, isValue) {
  const isShort = chart.labels.length <= 12;
  return {
    stacked: chart.is_stacked,
    beginAtZero: true,
    border: { color: colour("--line") },
    grid: { color: colour("--line"), display: isValue, drawTicks: false },
    ticks: {
      color: colour("--muted"),
      maxRotation: isShort ? 45 : 0,
      autoSkip: isValue || !isShort,
      autoSkipPadding: 16,
      padding: 6,
      precision: chart.unit === "s" ? undefined : 0,
      ...(isValue ? { maxTicksLimit: 6, callback: (value) => number(value, chart.unit) } : {}),
    },
    title: { display: isValue, text: chart.unit === "s" ? "seconds" : chart.unit, color: colour("--muted") },
  };
}

function draw(canvas, chart) {
  const names = Object.keys(chart.series);
  return new Chart(canvas, {
    type: chart.kind,
    data: {
      labels: chart.labels,
      datasets: names.map((name, position) => dataset(chart, name, chart.series[name], position)),
    },
    options: {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      scales: { x: axis(chart, false), y: axis(chart, true) },
      plugins: {
        legend: {
          display: names.length > 1,
          position: "bottom",
          labels: { color: colour("--text"), boxWidth: 10, boxHeight: 10 },
        },
        tooltip: {
          itemSort: (one, other) => other.raw - one.raw,
          callbacks: {
            label: (item) => `${item.dataset.label}: ${number(item.raw, chart.unit)} ${chart.unit}`,
          },
        },
      },
    },
  });
}

function drawAll() {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  drawn.splice(0).forEach((chart) => chart.destroy());
  for (const [name, chart] of Object.entries(charts)) {
    drawn.push(draw(document.getElementById(`chart-${name}`), chart));
  }
}

drawAll();
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
window.addEventListener("beforeprint", () => drawn.forEach((chart) => chart.resize(680, 240)));
window.addEventListener("afterprint", () => drawn.forEach((chart) => chart.resize()));
