// A report: charts that can be pointed at in place of the drawn ones, and arrow keys to leaf.
"use strict";

(() => {
  const page = window.PolyArb;
  const HEIGHT = 250;
  const DOLLAR_STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 1e4, 1e5];

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const faded = (name, share) => `color-mix(in srgb, ${css(name)} ${share}%, transparent)`;
  const dollars = (value) => page.money(Math.round(value * 1e6));
  const isDark = () => document.documentElement.classList.contains("dark");

  function tip(plot) {
    const element = document.createElement("div");
    element.className = "pa-chart-tip";
    element.hidden = true;
    plot.append(element);
    return element;
  }

  function say(element, plot, lines) {
    element.hidden = !lines;
    if (!lines) return;
    element.replaceChildren(
      ...lines.map((text, index) => {
        const row = document.createElement("div");
        row.textContent = text;
        if (!index) row.style.fontWeight = 600;
        return row;
      }),
    );
    const right = plot.cursor.left > plot.over.clientWidth / 2;
    const left = plot.over.offsetLeft + plot.cursor.left;
    element.style.left = right ? "auto" : `${left + 14}px`;
    element.style.right = right ? `${element.parentElement.clientWidth - left + 14}px` : "auto";
    element.style.top = "10px";
  }

  function axes(xAxis) {
    const grid = { stroke: css("--pa-line"), width: 1 };
    const axis = { stroke: css("--pa-subtle"), ticks: { show: false }, font: "12px Inter, sans-serif" };
    return [
      { ...axis, grid: { show: false }, size: 30, ...xAxis },
      { ...axis, grid, size: 66, incrs: DOLLAR_STEPS, values: (_plot, splits) => splits.map(dollars) },
    ];
  }

  const clock = (_plot, splits) =>
    splits.map((at) => new Date(at * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" }));

  function exposure(points, told) {
    return {
      data: [points.map((point) => point[0]), points.map((point) => (point[1] === null ? null : point[1] / 1e6))],
      options: {
        scales: { y: { range: (_plot, _min, max) => [0, Math.max(max || 0, 0.1) * 1.12] } },
        axes: axes({ values: clock, space: 64 }),
        series: [
          {},
          {
            stroke: css("--pa-accent"),
            width: 2,
            fill: faded("--pa-accent", 14),
            paths: uPlot.paths.stepped({ align: -1 }),
            points: { show: false },
          },
        ],
      },
      lines: (index) => {
        const micro = points[index] && points[index][1];
        if (micro === null || micro === undefined) return null;
        return [page.money(micro), `until ${page.localTime(points[index][0] * 1000)}`, told];
      },
    };
  }

  function edges(steps) {
    const number = (_plot, splits) => splits.map((at) => (Number.isInteger(at) && at > 0 ? String(at) : ""));
    const bars = (size) => uPlot.paths.bars({ size: [size, 60], align: 0 });
    return {
      data: [
        steps.map((_step, index) => index + 1),
        steps.map((step) => step[1] / 1e6),
        steps.map((step) => (step[2] < 0 ? null : step[2] / 1e6)),
        steps.map((step) => (step[2] < 0 ? step[2] / 1e6 : null)),
      ],
      options: {
        scales: {
          x: { time: false, range: [0.4, steps.length + 0.6] },
          y: { range: (_plot, min, max) => [Math.min(0, min) * 1.12, Math.max(0, max, 0.02) * 1.12] },
        },
        axes: axes({ values: number, incrs: [1, 2, 5, 10, 20, 50, 100], space: 40 }),
        series: [
          {},
          { stroke: "transparent", width: 0, fill: css("--pa-line"), paths: bars(0.9), points: { show: false } },
          ...["--pa-accent", "--pa-bad"].map((name) => ({
            stroke: "transparent",
            width: 0,
            fill: css(name),
            paths: bars(0.45),
            points: { show: false },
          })),
        ],
      },
      lines: (index) => {
        const step = steps[index];
        if (!step) return null;
        const what = step[0] === 1 ? `set ${index + 1}` : `${step[0]} sets`;
        return [`kept ${page.money(step[2], true)}`, `expected ${page.money(step[1], true)}`, what];
      },
    };
  }

  // Draw in a box, anew when the theme changes: a canvas keeps the colours it was drawn with.
  function draw(box, make) {
    let plot = null;
    const told = tip(box.parentElement);
    const build = () => {
      if (plot) plot.destroy();
      const { data, options, lines } = make();
      plot = new uPlot(
        {
          width: box.clientWidth,
          height: box.clientHeight || HEIGHT,
          padding: [12, 26, 0, 0],
          legend: { show: false },
          cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
          hooks: { setCursor: [(drawn) => say(told, drawn, drawn.cursor.idx === null ? null : lines(drawn.cursor.idx))] },
          ...options,
        },
        data,
        box,
      );
    };
    build();
    new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: box.clientHeight || HEIGHT })).observe(box);
    let dark = isDark();
    new MutationObserver(() => {
      if (isDark() === dark) return;
      dark = isDark();
      build();
    }).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
    box.addEventListener("mouseleave", () => (told.hidden = true));
  }

  function show(figure, data) {
    const key = figure.dataset.chart;
    const found = data[key];
    if (!found) return;
    const place = figure.querySelector(".rp-plot");
    const box = document.createElement("div");
    box.className = "pa-chart";
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", figure.querySelector("strong").textContent);
    const swap = () => place.replaceChildren(box);
    if (key.startsWith("equity-") && found.points.length) {
      swap();
      window.PolyArbChart.show(box, found);
    } else if (key.startsWith("exposure-") && found.points.some((point) => point[1] !== null)) {
      swap();
      draw(box, () => exposure(found.points, "held or pending, at most"));
    } else if (key.startsWith("edges-") && found.steps.length) {
      swap();
      draw(box, () => edges(found.steps));
    }
  }

  function leaf(event) {
    const typing = event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable]");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    if (document.querySelector("dialog[open]")) return;
    const name = { ArrowLeft: "[data-rp-before]", ArrowRight: "[data-rp-after]" }[event.key];
    const link = name && document.querySelector(name);
    if (link) location.assign(link.href);
  }

  function start() {
    const data = document.getElementById("rp-chart-data");
    if (!data) return;
    document.addEventListener("keydown", leaf); // first: charts take a moment
    const charts = JSON.parse(data.textContent);
    for (const figure of page.all(".rp-figure")) show(figure, charts);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
