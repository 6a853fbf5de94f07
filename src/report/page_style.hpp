// The style sheet of report.html. Contrast of text is at least 4.5 : 1 in both colour schemes; blue and orange differ
// for colour-blind people, too.
#pragma once

namespace mnist {

inline constexpr const char* kPageStyle = R"css(
:root { color-scheme: light dark; --paper: #ffffff; --panel: #f4f6f8; --ink: #1b2127; --soft: #56616b; --rule: #d5dbe1;
  --train: #1f5fae; --pale: #6592ca; --test: #b34700; --good: #14683a; --bad: #a61b1b; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14181d; --panel: #1e242b; --ink: #e6eaee; --soft: #a3aeb8; --rule: #38424c;
    --train: #79b4ff; --pale: #4a72a6; --test: #ffab5e; --good: #6fd39a; --bad: #ff8f8f; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.25rem; max-width: 64rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
h1 { margin: 0; font-size: 1.6rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 2rem 0 .6rem; font-size: 1.15rem; border-bottom: 1px solid var(--rule); padding-bottom: .2rem; }
p { margin: .4rem 0; }
.soft, figcaption, caption { color: var(--soft); font-size: .9rem; }
.headline { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; margin: 1rem 0;
  padding: 0; }
.headline div { background: var(--panel); border-radius: .5rem; padding: .6rem .8rem; }
.headline dt { color: var(--soft); font-size: .85rem; }
.headline dd { margin: 0; font-size: 1.3rem; font-weight: 600; overflow-wrap: anywhere; }
.state-finished { color: var(--good); } .state-diverged, .state-failed { color: var(--bad); }
figure { margin: 0; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1rem; }
svg { width: 100%; height: auto; display: block; }
svg text { font: 12px system-ui, sans-serif; fill: var(--soft); } svg text.title { font-size: 14px; font-weight: 600;
  fill: var(--ink); }
svg .grid { stroke: var(--rule); stroke-width: 1; } svg .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
svg .train { stroke: var(--train); } svg .pale { stroke: var(--pale); stroke-width: 1; } svg .test { stroke:
  var(--test); }
svg .dot { fill: var(--test); stroke: none; } svg .trained { fill: var(--train); stroke: none; }
svg text.train, svg text.pale { fill: var(--train); stroke: none; } svg text.test { fill: var(--test); stroke: none; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .3rem; }
th, td { padding: .25rem .6rem; text-align: right; }
th { font-weight: 600; } thead th, thead td { border-bottom: 1px solid var(--rule); }
th[scope=row], .left { text-align: left; }
.facts { width: 100%; } .facts th { width: 13rem; font-weight: 400; color: var(--soft); vertical-align: top; }
.facts td { text-align: left; overflow-wrap: anywhere; } .facts tr + tr { border-top: 1px solid var(--rule); }
.confusion td { min-width: 2.4rem; text-align: center; border: 1px solid var(--paper); background: var(--panel);
  background: color-mix(in srgb, var(--train) var(--share, 0%), var(--panel)); }
.confusion td.zero { color: var(--soft); } .confusion thead th { text-align: center; }
.confusion .dark { color: var(--paper); }
.confusion td.right, .confusion thead td { background: none; border: 0; }
.confusion td.right { text-align: right; font-weight: 600; }
.bar { display: inline-block; width: 6rem; height: .7rem; background: var(--panel); border-radius: .2rem;
  vertical-align: middle; }
.bar i { display: block; height: 100%; background: var(--train); border-radius: .2rem; }
.mistakes { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: .75rem; }
.mistakes figure { background: var(--panel); border-radius: .5rem; padding: .5rem; }
.mistakes img { width: 100%; aspect-ratio: 1; object-fit: contain; image-rendering: pixelated; background: #000;
  border-radius: .25rem; }
.mistakes img.photo { image-rendering: auto; }
.mistakes figcaption { overflow-wrap: anywhere; color: var(--ink); } .mistakes small { color: var(--soft); }
.bad { color: var(--bad); } .good { color: var(--good); }
pre { background: var(--panel); border-radius: .5rem; padding: .6rem .8rem; margin: .2rem 0 .8rem;
  white-space: pre-wrap; overflow-wrap: anywhere; }
footer { margin: 2.5rem 0 1rem; color: var(--soft); font-size: .85rem; }
@media (max-width: 34rem) { .bars { display: none; } svg { overflow: visible; } svg text { font-size: 14px; }
  svg text.title { font-size: 16px; } }
@media (max-width: 30rem) { body { padding: .75rem; } table { font-size: .8rem; } th, td { padding: .2rem .3rem; }
  .confusion { font-size: .75rem; } .confusion td { min-width: 1.35rem; padding: .2rem .05rem; }
  .confusion td.right { padding-left: .3rem; white-space: nowrap; } .facts th { width: 8rem; } }
@media print { body { max-width: none; } section { break-inside: avoid; } }
)css";

}  // namespace mnist
