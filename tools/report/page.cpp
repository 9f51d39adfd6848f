#include "tools/report/page.hpp"

#include <iterator>

#include <fmt/format.h>

#include "tools/report/svg.hpp"

namespace pagoda::report {
namespace {

// The kinds after Okabe and Ito ("Color universal design", 2008), darkened or lightened to stand out from
// their background; the ramp runs from the background's side to its opposite.
constexpr std::string_view kStyle = R"(
:root { color-scheme: light dark;
  --paper:#ffffff; --panel:#f6f7f9; --ink:#1d2430; --soft:#5c6675; --rule:#d9dee6;
  --m0:#d1495b; --m1:#2f77b8; --m2:#2a9d6f; --m3:#8e5bb5; --m4:#8b93a1; --m5:#c98a12;
  --o0:#c9b458; --o1:#a9b75a; --o2:#86b860; --o3:#63b56b; --o4:#43ae78; --o5:#2ba386;
  --o6:#249593; --o7:#2c8399; --o8:#39709a; --o9:#3f5b98; --o10:#44418c; }
@media (prefers-color-scheme: dark) { :root {
  --paper:#12161d; --panel:#1a2029; --ink:#e4e8ee; --soft:#9aa5b5; --rule:#2f3845;
  --m0:#ef7686; --m1:#5fa8e6; --m2:#4cc796; --m3:#b98ae0; --m4:#7d8796; --m5:#e6b04a;
  --o0:#5b5f94; --o1:#5672a8; --o2:#4d86b3; --o3:#4399b8; --o4:#41abb4; --o5:#4fbcaa;
  --o6:#69ca9b; --o7:#8bd68a; --o8:#b0df7b; --o9:#d5e470; --o10:#f7e66b; } }
@media print { :root { --panel:#ffffff; } figure { break-inside: avoid; } }
* { box-sizing: border-box; }
body { margin:0 auto; padding:28px 24px 48px; max-width:1208px; background:var(--paper); color:var(--ink);
  font:15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size:24px; line-height:1.25; margin:0 0 14px; overflow-wrap:anywhere; }
h2 { font-size:17px; margin:34px 0 8px; padding-top:14px; border-top:1px solid var(--rule); }
p { margin:6px 0 12px; color:var(--soft); max-width:86ch; }
dl { display:flex; flex-wrap:wrap; gap:10px 30px; margin:0; }
dt { color:var(--soft); font-size:12.5px; } dd { margin:0; font-size:16px; font-variant-numeric:tabular-nums; }
figure { margin:12px 0; padding:12px 16px 14px; background:var(--panel); border-radius:8px; min-width:0; }
figcaption { font-size:13.5px; font-weight:600; margin-bottom:8px; }
svg { display:block; max-width:100%; height:auto; }
.pair { display:grid; grid-template-columns:repeat(auto-fit, minmax(min(100%, 460px), 1fr)); gap:0 16px; }
.legend { display:flex; flex-wrap:wrap; gap:4px 18px; list-style:none; margin:0 0 10px; padding:0; font-size:13px; }
.legend li { display:flex; align-items:center; gap:7px; }
.legend i { width:12px; height:12px; border-radius:2px; }
.grid { stroke:var(--rule); } .axis { stroke:var(--soft); } .leader { stroke-opacity:.45; }
.tick { fill:var(--soft); font-size:11px; } .label { fill:var(--ink); font-size:11.5px; }
.line { fill:none; stroke-width:1.8; stroke-linejoin:round; }
.ring { fill-rule:evenodd; } .touch { fill:transparent; } .touch:hover { fill:var(--ink); fill-opacity:.25; }
.scroll { overflow-x:auto; }
table { border-collapse:collapse; font-size:13px; font-variant-numeric:tabular-nums; }
th, td { padding:3px 12px; text-align:right; white-space:nowrap; } th { color:var(--soft); font-weight:500; }
th:first-child, td:first-child { text-align:left; padding-left:0; } tr + tr td { border-top:1px solid var(--rule); }
)";

std::string colour_classes() {
  std::string rules;
  const auto add = [&](char group, unsigned count) {
    for (unsigned i = 0; i < count; ++i)
      fmt::format_to(
          std::back_inserter(rules),
          ".f-{0}{1} {{ fill:var(--{0}{1}); background:var(--{0}{1}); }} .s-{0}{1} {{ stroke:var(--{0}{1}); }}\n",
          group, i);
  };
  add('m', 6);
  add('o', 11);
  return rules;
}

} // namespace

std::string draw_legend(const std::vector<LegendEntry> &entries) {
  std::string legend = "<ul class='legend'>\n";
  for (const LegendEntry &entry : entries)
    fmt::format_to(std::back_inserter(legend), "<li><i class='f-{}'></i>{}</li>\n", entry.colour, escape(entry.label));
  return legend + "</ul>\n";
}

std::string section(std::string_view title, std::string_view content) {
  return fmt::format("<section><h2>{}</h2>\n{}</section>\n", escape(title), content);
}

std::string paragraph(std::string_view text) { return fmt::format("<p>{}</p>\n", escape(text)); }

std::string html(const Page &page) {
  std::string facts;
  for (const auto &[name, value] : page.facts)
    fmt::format_to(std::back_inserter(facts), "<div><dt>{}</dt><dd>{}</dd></div>\n", escape(name), escape(value));
  return fmt::format(
      "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>\n"
      "<meta name='viewport' content='width=device-width, initial-scale=1'>\n"
      "<title>{0}</title>\n<style>{1}{2}</style></head>\n<body><h1>{0}</h1>\n<dl>\n{3}</dl>\n{4}</body></html>\n",
      escape(page.title), kStyle, colour_classes(), facts, page.body);
}

} // namespace pagoda::report
