#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Installation under PREFIX below DESTDIR, its manual pages and completion, and away again.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"

scratch=$(mktemp -d)
trap test_cleanup EXIT

in_tree() {
	make --no-print-directory -C "$root" BUILD="$BUILD" DESTDIR="$scratch/root" \
		PREFIX=/opt/h "$@"
}

# What the shell offers for a line that ends in the word to be completed.
offers() { # WORD...
	bash -c '. "$1"; shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _hapep; echo "${COMPREPLY[*]}"' \
		_ "$scratch/root/opt/h/share/bash-completion/completions/hapep" "$@"
}

has_all() { # FILE WORD...
	local word
	for word in "${@:2}"; do
		grep -qF -- "$word" "$1" || { echo "$1 lacks '$word'"; return 1; }
	done
}

check "make install" in_tree install
expect "what is installed, and where" "opt/h/lib/systemd/system/hapep@.service
opt/h/libexec/hapep/bench/driver
opt/h/libexec/hapep/bench/packets
opt/h/libexec/hapep/bench/packets.bpf.o
opt/h/libexec/hapep/bench/packets.sh
opt/h/libexec/hapep/bench/peers.sh
opt/h/libexec/hapep/bench/profile.sh
opt/h/libexec/hapep/bench/relay
opt/h/libexec/hapep/bench/yardsticks.sh
opt/h/libexec/hapep/lab/blackhole.bpf.o
opt/h/libexec/hapep/lab/lab
opt/h/libexec/hapep/lab/lab-two-nics.conf
opt/h/libexec/hapep/lab/lab-untagged.conf
opt/h/libexec/hapep/lab/lab.conf
opt/h/libexec/hapep/lab/origin.sh
opt/h/libexec/hapep/lab/removal.sh
opt/h/libexec/hapep/lab/survey.sh
opt/h/libexec/hapep/lab/topology.sh
opt/h/libexec/hapep/lab/wire.bpf.o
opt/h/libexec/hapep/load/load
opt/h/libexec/hapep/load/origin
opt/h/libexec/hapep/load/pingpong
opt/h/sbin/hapep
opt/h/share/bash-completion/completions/hapep
opt/h/share/doc/hapep/bench-hook.example
opt/h/share/doc/hapep/pep0.conf.example
opt/h/share/hapep/kernel/README.md
opt/h/share/hapep/kernel/build
opt/h/share/hapep/kernel/no-netfilter.config
opt/h/share/man/man5/hapep.conf.5
opt/h/share/man/man8/hapep.8" "$(cd "$scratch/root" && find . -type f | sed 's,^\./,,' | sort)"
installed=$scratch/root/opt/h/sbin/hapep
check "the installed command runs" "$installed" --version
check "the example is a valid configuration" "$installed" config --check \
	--config "$scratch/root/opt/h/share/doc/hapep/pep0.conf.example"
mapfile -t words < <("$installed" --help | sed -n '/COMMAND --help/d; s/^  \([a-z]*\) .*/\1/p')
expect "help lists the commands" up "${words[0]}"
mandoc -T ascii "$scratch/root/opt/h/share/man/man8/hapep.8" | col -b | tr -s ' \n' ' ' >"$scratch/man8"
mandoc -T ascii "$scratch/root/opt/h/share/man/man5/hapep.conf.5" | col -b >"$scratch/man5"
check "hapep(8) has every command" has_all "$scratch/man8" "${words[@]/#/hapep }"
mapfile -t keys < <("$installed" config --defaults | sed -n 's/^;* *\([a-z_0-9]*\) = .*/\1/p')
check "config --defaults has the keys" test "${#keys[@]}" -ge 20
check "hapep.conf(5) has every key" has_all "$scratch/man5" "${keys[@]}"
expect "completion of a command" "down" "$(offers hapep "dow")"
expect "completion of an option" "--dry-run" "$(offers hapep up --dr)"
expect "completion of a benchmark's option" "--case" "$(offers hapep bench peers --ca)"
expect "completion of a word" "up" "$(offers hapep netns u)"
for word in "${words[@]}"; do
	"$installed" "$word" --help >"$scratch/help" 2>/dev/null
	check "hapep $word --help is on stdout" has_all "$scratch/help" "usage: hapep $word"
done
check "the unit runs the installed command" grep -qx \
	'ExecStart=/opt/h/sbin/hapep up --name %i' "$scratch/root/opt/h/lib/systemd/system/hapep@.service"
check "make uninstall" in_tree uninstall
expect "which leaves no file" "" "$(find "$scratch/root" -type f)"
in_tree help >"$scratch/help"
check "make help" has_all "$scratch/help" "make demo" "make check" "make install"
test_end
