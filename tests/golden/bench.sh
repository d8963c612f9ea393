#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Reports and comparisons of fixed results; `tests/golden/bench.sh --write` renews them.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"

golden=$tests/golden/bench
scratch=$(mktemp -d)
trap test_cleanup EXIT
cp -R "$golden/." "$scratch"

same() { # NAME FILE MADE
	if [[ ${write-} ]]; then
		cp "$3" "$golden/$2"
	fi
	check "$1" diff -u "$golden/$2" "$3"
}
[[ ${1-} != --write ]] || write=yes

report() { # RUN
	"$hapep" bench report "$scratch/$1"
}

check "a report" report a
same "its Markdown is as it was" a/report.md "$scratch/a/report.md"
page_is_good() { # RUN
	python3 - "$scratch/$1" <<'PYTHON'
import html.parser, pathlib, re, sys
from xml.etree import ElementTree
run = pathlib.Path(sys.argv[1])
page = (run / "report.html").read_text()
class Cells(html.parser.HTMLParser):
    cells, inside = [], False
    def handle_starttag(self, tag, attributes):
        self.inside = tag in ("td", "th")
        if self.inside:
            self.cells.append("")
    def handle_endtag(self, tag):
        self.inside = False
    def handle_data(self, data):
        if self.inside:
            self.cells[-1] += data
parser = Cells()
parser.feed(re.sub(r"<svg.*?</svg>", "", page, flags=re.S))
rows = [r for r in (run / "report.md").read_text().splitlines() if r[:1] == "|"]
cells = [c.strip().replace("\\|", "|") for r in rows if not r.startswith("| ---")
         for c in re.split(r"(?<!\\)\|", r)[1:-1]]
same = parser.cells == cells
print("ok the page has the same tables" if same
      else f"not ok the page has the same tables: {parser.cells} {cells}")
figures = [str(f.name) for f in sorted(run.glob("*.svg")) if ElementTree.parse(f)]
wanted = ["figure3-tps-rss.svg", "figure4-ttfb-rss.svg", "figure5-tps-splice.svg",
          "figure6-ttfb-splice.svg"]
inline = page.count("<svg") == 4 and page.count("</svg>") == 4
print("ok the paper's figures 3 to 6" if figures == wanted and inline
      else f"not ok the paper's figures 3 to 6: {figures}")
text = (run / "figure5-tps-splice.svg").read_text()
drawn = all(word in text for word in ("TCP proxy", "HTTP proxy", "no splice"))
print("ok a figure names its bars" if drawn else "not ok a figure names its bars: none")
sys.exit(0 if same and figures == wanted and inline and drawn else 1)
PYTHON
}
page_is_good a || failed=1

mkdir "$scratch/asked"
jq '.options.cases = ["forwarding", "hapep"] |
	.cases |= map(select(.name == "forwarding" or .name == "hapep"))' \
	"$golden/peers/result.json" >"$scratch/asked/result.json"
check "a report of some cases" report asked
expect "has these, and what compares them, alone" "forwarding
hapep
TPS over forwarding's
us of CPU a transaction above forwarding's
TTFB 99% over forwarding's, at 70% of the peak
hapep over forwarding
hapep over forwarding" "$(sed '/^## Where the CPU time goes: /,$d' "$scratch/asked/report.md" |
	sed -n 's/^| \([^|]*\) |.*/\1/p' | grep -vE '^(---|Case|Target|Factor)$')"
check "and says so" grep -qF "only these were asked for: 'forwarding', 'hapep'." \
	"$scratch/asked/report.md"

check "a report of another benchmark, with profiles" report peers
same "its Markdown is as it was" peers/report.md "$scratch/peers/report.md"

"$hapep" bench compare "$scratch/a" "$scratch/b" >"$scratch/compare.txt"
same "two runs compared" compare.txt "$scratch/compare.txt"
expect "30 per cent more is told from noise" "B is better noise: no difference shown" \
	"$("$hapep" bench compare --json "$scratch/a" "$scratch/b" | jq -r '[.comparison[] |
		select(.case == "NO-NF tcp splice=on symmetric bind") |
		select(.metric == "tps" or .metric == "ttfb_p50_us").verdict] | join(" ")')"
expect "as is the ratio" "true" \
	"$("$hapep" bench compare --json "$scratch/a" "$scratch/b" |
		jq '.comparison[0].B_to_A | tonumber | . > 1.2 and . < 1.4')"

# What makes a ratio doubtful is said: of which run, which member, from what to what.
jq '.machine.kernel = "9.9" | .machine.packages.haproxy = "9.8" | .options.seconds = 7 |
	.options.rounds = 99 | .options.quick = true | .complete = false |
	.cases[0].configuration = "[haproxy]\nbacklog = 77\nmode = tcp\n" |
	.samples[0].background = 0.5 | .samples[1].steal_seconds = 1e6' \
	"$golden/b/result.json" >"$scratch/b/result.json"
mkdir "$scratch/c"
jq '.cases[0].configuration = "[haproxy]\nbacklog = 8192\nmode = tcp\n"' \
	"$golden/a/result.json" >"$scratch/c/result.json"
"$hapep" bench compare --json "$scratch/c" "$scratch/b" >"$scratch/differ"
jq -r '.the_runs_differ_in[], .doubts[]' "$scratch/differ" >"$scratch/differ.txt"
same "what differs between two runs" differ.txt "$scratch/differ.txt"
"$hapep" bench compare "$scratch/c" "$scratch/b" >"$scratch/differ"
check "and the text says it" grep -q "kernel: .* in A, 9.9 in B" "$scratch/differ"

# A profile without perf, of all that such a one may have.
jq '.profiles |= map_values(. + {by: "proc", perf_says: "perf: no"}) |
	.profiles.hapep += {programs: [["BPF", "wire", 1.5]], runs: [["BPF", "wire", 12]]} |
	.profiles["hapep threads"] += {programs_say: "EPERM"}' \
	"$golden/peers/result.json" >"$scratch/b/result.json"
check "a profile by /proc" report b
check "says so, and why" grep -q 'By /proc/PID/stat of .* since perf does not work here (perf: no)' \
	"$scratch/b/report.md"
check "with what BPF programs took" grep -q '^| wire | 1.50 | 0.00 | +1.50 |' "$scratch/b/report.md"

refuse() { # NAME WORD ARGUMENT...
	local said
	said=$("$hapep" bench "${@:3}" 2>&1 >/dev/null)
	if [[ $? != 0 && $said == *"$2"* ]]; then
		ok "$1"
	else
		not_ok "$1" "'$said'"
	fi
}

jq '.format = "other/1"' "$golden/a/result.json" >"$scratch/b/result.json"
refuse "another format is refused" "expected format hapep-bench/1" report "$scratch/b"
jq '.suite = "other"' "$golden/a/result.json" >"$scratch/b/result.json"
refuse "another suite is refused" "'other'" report "$scratch/b"
head -c 1000 "$golden/a/result.json" >"$scratch/b/result.json"
refuse "half a result is refused" "result.json:" report "$scratch/b"
refuse "no result is refused" "No such file" report "$scratch/none"
jq '.suite = "peers"' "$golden/a/result.json" >"$scratch/b/result.json"
refuse "runs of two suites are not compared" "is a run of" compare "$scratch/a" "$scratch/b"
refuse "no benchmark" "expected table3" ""
refuse "an unknown benchmark" "got 'table4'" table4
refuse "--rounds 0" "expected 1..1000" table3 --rounds 0
refuse "--rounds 1.5" "expected 1..1000" table3 --rounds 1.5
refuse "--seconds nan" "expected 0.1..3600" table3 --seconds nan
refuse "--generator ixia" "expected lab or external" table3 --generator ixia
refuse "--profile where there is no baseline" "goes with peers" table3 --profile
refuse "--case of another benchmark" "table3 has no case 'hapep'; it has 'NO-NF tcp" \
	table3 --case hapep
refuse "--profile without its baseline" "beside 'forwarding', which is none" peers --profile --case hapep
refuse "--hook alone" "goes with --generator external" table3 --hook /bin/true
refuse "--generator external without a blade" "expected --config" table3 --generator external
test_end
