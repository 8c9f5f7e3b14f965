/**
 * What a report runs in the browser: draws the charts of the data that the page itself holds, with uPlot,
 * which the page holds too. Loads nothing and sends nothing. A text, as the product has no browser code
 * to compile; the page's content security policy names its hash.
 */

export const REPORT_CLIENT = `
(function () {
  'use strict';
  var data = JSON.parse(document.getElementById('data').textContent);
  var times = data.at.map(function (ms) { return ms / 1000; });
  var width = data.bucketMs / 1000;
  var dark = window.matchMedia('(prefers-color-scheme: dark)');
  var charts = [];
  function color(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }
  function scaled(list, by) { return list.map(function (value) { return value * by; }); }
  function shade(u, from, to, fill) {
    var left = Math.max(u.bbox.left, u.valToPos(from, 'x', true));
    var right = Math.min(u.bbox.left + u.bbox.width, u.valToPos(to, 'x', true));
    if (right <= u.bbox.left || left >= u.bbox.left + u.bbox.width) return;
    u.ctx.fillStyle = fill;
    u.ctx.fillRect(left, u.bbox.top, Math.max(3, right - left), u.bbox.height);
  }
  function injections(u) {
    u.ctx.save();
    data.outages.forEach(function (one) { shade(u, one[0] / 1000, one[1] / 1000, color('--outage')); });
    u.ctx.strokeStyle = color('--kill');
    u.ctx.setLineDash([4, 4]);
    data.kills.forEach(function (one) {
      var at = u.valToPos(one[0] / 1000, 'x', true);
      if (at < u.bbox.left || at > u.bbox.left + u.bbox.width) return;
      u.ctx.beginPath();
      u.ctx.moveTo(at, u.bbox.top);
      u.ctx.lineTo(at, u.bbox.top + u.bbox.height);
      u.ctx.stroke();
    });
    u.ctx.restore();
  }
  function unserved(loadAt, capacityAt, missed) {
    return function (u) {
      u.ctx.save();
      u.ctx.beginPath();
      u.ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
      u.ctx.clip();
      u.ctx.fillStyle = color('--missfill');
      for (var i = 0; i < times.length; i += 1) {
        if (!(missed[i] > 0)) continue;
        var load = u.data[loadAt][i];
        var capacity = Math.min(u.data[capacityAt][i], load);
        var left = u.valToPos(times[i], 'x', true);
        var right = u.valToPos(times[i] + width, 'x', true);
        var top = u.valToPos(load, 'y', true);
        var bottom = u.valToPos(capacity, 'y', true);
        u.ctx.fillRect(left, top, Math.max(1.5, right - left), Math.max(2, bottom - top));
        u.ctx.fillRect(left, u.bbox.top, Math.max(1.5, right - left), 5 * (window.devicePixelRatio || 1));
      }
      u.ctx.restore();
    };
  }
  function axis(name) {
    return { stroke: color('--soft'), grid: { stroke: color('--line'), width: 1 },
      ticks: { stroke: color('--line'), width: 1 }, label: name, labelSize: 16, size: 62,
      labelFont: '12px system-ui, sans-serif', font: '12px system-ui, sans-serif' };
  }
  function options(place, height, label, series, hooks) {
    var x = axis('');
    delete x.label; delete x.labelSize; x.size = 42; x.space = 80;
    x.values = function (u, splits, index, space, gap) {
      var day = '';
      return splits.map(function (seconds) {
        var text = new Date(seconds * 1000).toISOString();
        var clock = gap < 60 ? text.slice(11, 19) : text.slice(11, 16);
        var shown = gap >= 86400 ? text.slice(0, 10) : text.slice(0, 10) === day ? clock : clock + '\\n' + text.slice(0, 10);
        day = text.slice(0, 10);
        return shown;
      });
    };
    return {
      width: Math.max(320, place.clientWidth), height: height, series: [{ label: 'UTC' }].concat(series),
      tzDate: function (seconds) { return uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'); },
      axes: [x, axis(label)], hooks: hooks, legend: { live: true },
      scales: { y: { range: function (u, min, max) { return [0, Math.max(1, max) * 1.05]; } } },
      cursor: { sync: { key: 'backtest' }, drag: { x: true, y: false } }
    };
  }
  var stepped = uPlot.paths.stepped({ align: 1 });
  function number(u, value) { return value == null ? '--' : String(Math.round(value * 100) / 100); }
  function line(label, stroke, more) {
    return Object.assign({ label: label, stroke: stroke, width: 1.5, paths: stepped, value: number,
      points: { show: false } }, more);
  }
  function add(place, height, label, values, series, hooks) {
    charts.push(new uPlot(options(place, height, label, series, hooks), [times].concat(values), place));
  }
  function draw() {
    charts.forEach(function (chart) { chart.destroy(); });
    charts = [];
    var oneEach = data.stepsEach === 1;
    data.runs.forEach(function (run, index) {
      var capacity = scaled(run.ready.min, data.capacity);
      add(document.getElementById('load-' + index), 250, 'load',
        [data.load.max, capacity],
        [line(oneEach ? 'load' : 'load, most of bucket', color('--load'), { fill: color('--loadfill') }),
         line(oneEach ? 'ready capacity' : 'ready capacity, least of bucket', color('--capacity'))],
        { drawClear: [injections], draw: [unserved(1, 2, run.missed)] });
      add(document.getElementById('replicas-' + index), 190, 'replicas',
        [run.desired.max, run.ready.min, data.oracle.ready.max],
        [line('wanted', color('--desired')), line('ready', color('--ready')),
         line('oracle', color('--oracle'), { width: 1 })],
        { drawClear: [injections] });
      var place = document.getElementById('waiting-' + index);
      if (place) {
        add(place, 130, 'waiting', [run.waiting],
          [line('work that waits', color('--miss'), { fill: color('--outage') })],
          { drawClear: [injections] });
      }
    });
  }
  draw();
  dark.addEventListener('change', draw);
  var pending = 0;
  window.addEventListener('resize', function () {
    clearTimeout(pending);
    pending = setTimeout(function () {
      charts.forEach(function (chart) {
        var place = chart.root.parentElement;
        chart.setSize({ width: Math.max(320, place.clientWidth), height: chart.height });
      });
    }, 100);
  });
})();
`;
