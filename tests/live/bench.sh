#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# hapep bench: short runs, stopping and going on, cases that fail.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"

scratch=$(mktemp -d)
trap test_cleanup EXIT
trap 'exit 130' INT TERM

bench() { # RUN ARGUMENT...
	"$hapep" bench "${@:2}" --quiet --output "$scratch/$1" 2>"$scratch/$1.err"
}

result() { # RUN FILTER
	jq -r "$2" "$scratch/$1/result.json"
}

left() { # what benchmarks have on this machine; the other tests' labs are not ours
	ip netns list | grep -o '^hapep-bench[^ ]*'
	find /run/hapep-lab -maxdepth 1 -name 'bench*' 2>/dev/null
}

page_is_whole() { # RUN: one file, well-formed, whose figures are in it
	python3 - "$scratch/$1/report.html" <<-'PYTHON'
		import re, sys
		from html.parser import HTMLParser
		from xml.etree import ElementTree
		page = open(sys.argv[1]).read()
		HTMLParser().feed(page)
		figures = re.findall(r"<svg.*?</svg>", page, re.S)
		for figure in figures:
		    ElementTree.fromstring(figure)
		outside = re.findall(r'(?:src|href)="(?!#)[^"]*"', page)
		sys.exit(0 if figures and not outside else f"{len(figures)} figures, {outside}")
	PYTHON
}

run_is_good() { # RUN SUITE CASES
	expect "$2: every case is measured, or says why not" "$3" "$(result "$1" '
		.samples as $s | [.cases[] | .name as $n | select((.possible | not) and
		(.reason | length > 0) or any($s[]; .case == $n and .metrics.tps > 0
		and (has("error") | not)))] | length')"
	expect "$2: no transaction failed" 0 "$(result "$1" '[.samples[].metrics.failures] | add')"
	expect "$2: the result says what it ran on" "$(uname -r) $(nproc) true" \
		"$(result "$1" '"\(.machine.kernel) \(.machine.cpus) \(.complete)"')"
	check "$2: the page is whole" page_is_whole "$1"
}

# ---- the paper's cases, stopped and gone on with -----------------------------------------

# Not in a subshell of the test's own, which would leave SIGINT ignored.
python3 - "$hapep" "$scratch/table3" "$scratch/stopped" <<'PYTHON'
import json, os, signal, subprocess, sys, time
hapep, output, said = sys.argv[1:]
run = subprocess.Popen([hapep, "bench", "table3", "--quick", "--rounds", "2", "--output",
                        output], stderr=open(said, "w"))
end = time.time() + 60
def samples():
    try:
        return len(json.load(open(output + "/result.json"))["samples"])
    except (OSError, ValueError):
        return 0
while time.time() < end and run.poll() is None and samples() < 2:
    time.sleep(0.05)
run.send_signal(signal.SIGINT)
status = run.wait(60)
with open(said, "a") as f:
    print("status", status, file=f)
PYTHON
expect "stopped by SIGINT: exit 1" "status 1" "$(tail -n 1 "$scratch/stopped")"
check "it says how to go on" grep -q 'bench table3 --resume --output' "$scratch/stopped"
expect "and nothing of it is left" "" "$(left)"
expect "what was measured is kept" "false" "$(result table3 .complete)"
first=$(result table3 '.samples[0] | tojson')
check "--resume goes on" bench table3 table3 --resume
expect "with what it has" "$first" "$(result table3 '.samples[0] | tojson')"
expect "and takes each sample once" "12 12" \
	"$(result table3 '"\(.samples | length) \([.samples[] | "\(.case) \(.round)"] | unique | length)"')"
run_is_good table3 table3 12
expect "both rounds, the second backwards" "$(result table3 '[.samples[] | select(.round == 1) | .case] | reverse | tojson')" \
	"$(result table3 '[.samples[] | select(.round == 2) | .case] | tojson')"
expect "too few rounds for a verdict" "true" \
	"$(result table3 '[.comparisons[].verdict] | all(startswith("too few") or startswith("not measured: "))')"
bench table3 table3
expect "a result is not written over: exit 1" 1 $?

# ---- what else there is, and a case that fails -------------------------------------------

sed 's/^\[haproxy\]/&\nbinary = \/usr\/sbin\/no-such-proxy/' \
	"$tests/lab/lab-untagged.conf" >"$scratch/broken.conf"
bench peers peers --quick --config "$scratch/broken.conf"
expect "a case that fails: exit 1" 1 $?
expect "its reason is in the result" "11" \
	"$(result peers '[.samples[] | select(.error | strings | contains("no-such-proxy"))] | length')"
expect "and the rest went on" "5" "$(result peers '[.samples[] | select(.metrics.tps > 0)] | length')"
expect "each target has its verdict" 24 \
	"$(result peers '[.targets[] | select(.verdict | length > 0)] | length')"
expect "one round decides none" 0 \
	"$(result peers '[.targets[] | select(.verdict | endswith("reached"))] | length')"
expect "what a transaction costs adds up" true "$(result peers '[.samples[].metrics |
	select(.cpu_us) | .user_us + .system_us + .interrupts_us - .cpu_us | fabs < 0.01] | all')"
check "and the report says so" grep -q 'Samples that failed' "$scratch/peers/report.md"
expect "nothing is left of it" "" "$(left)"

# ---- some cases alone --------------------------------------------------------------------

check "two cases of peers" bench some peers --quick --case relay --case forwarding --case relay
expect "these were measured, in the benchmark's order" "forwarding relay" \
	"$(result some '[.samples[] | select(.metrics.tps > 0).case] | join(" ")')"
expect "the result has no others" "forwarding relay, forwarding relay" \
	"$(result some '"\(.options.cases | join(" ")), \([.cases[].name] | join(" "))"')"
expect "what compares with others is left out" "relay/forwarding" \
	"$(result some '[.comparisons[] | "\(.case)/\(.over)"] | unique | join(" ")')"
expect "so are their targets" 0 "$(result some '.targets | length')"
check "the report says so" grep -qF "only these were asked for: 'forwarding', 'relay'." \
	"$scratch/some/report.md"
check "--resume goes on with them" bench some peers --quick --resume --rounds 2
expect "and with no others" "forwarding relay relay forwarding" \
	"$(result some '[.samples[].case] | join(" ")')"
bench some peers --quick --resume --case hapep
expect "it refuses others: exit 1" 1 $?
check "and says which" grep -q "was run with 'forwarding', 'relay', and this call means 'hapep'" \
	"$scratch/some.err"
"$hapep" bench peers --case relai 2>"$scratch/why"
expect "no such case: exit 2" 2 $?
check "and which there are" grep -q "no case 'relai'; it has 'forwarding', 'relay', " \
	"$scratch/why"
check "--quick leaves out none that is named" bench quick splice --quick --case 'tcp off 1024'
expect "and takes no other" "tcp off 1024" "$(result quick '[.samples[].case] | join(" ")')"
expect "nothing is left of them" "" "$(left)"

# ---- sizes of objects --------------------------------------------------------------------

check "splice: a short run" bench splice splice --quick
run_is_good splice splice 42
expect "splice: large objects move more than small ones" true \
	"$(result splice '[.samples[] | {case, m: .metrics.mbps}] | (map(select(.case | endswith(" 524288")).m) | add) > (map(select(.case | endswith(" 8192")).m) | add)')"

# ---- the other family, and another server --------------------------------------------------

check "table3 over both families, from nginx" bench six table3 --quick --family both --origin nginx
run_is_good six table3 12
expect "the result says so" "nginx both" "$(result six '.options | "\(.origin) \(.family)"')"
check "and so does the report" grep -q 'server: nginx; IPv4 and IPv6 in turn' "$scratch/six/report.md"
"$hapep" bench pps --family 6 2>/dev/null
expect "pps has no transactions: exit 2" 2 $?
"$hapep" bench table3 --family 5 2>"$scratch/why"
expect "no such family: exit 2" 2 $?
check "and which there are" grep -q "expected 4, 6 or both, got '5'" "$scratch/why"

test_end
