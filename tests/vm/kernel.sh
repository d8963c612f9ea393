# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# kernel.sh: finds the kernel to boot and unpacks it into the cache.
#
# An unpacked kernel is entered by PVH, which halves the boot: the guest's emulated CPU
# would take seconds to unpack what the host unpacks in one.
: "${kernel?}" "${cache:?}"

# kernel_find: sets vmlinux (file to boot), kernel_modules (directory, or empty for a
# kernel without) and kernel_name, from $kernel or the newest in /boot.
kernel_find() {
	local image=$kernel
	if [[ ! $image ]]; then
		image=$(printf '%s\n' /boot/vmlinuz-* | sort -V | tail -n 1)
		[[ -e $image ]] || die "no kernel in /boot: install Debian's package" \
			"linux-image-amd64, or name one by --kernel"
	fi
	[[ -r $image ]] || die "--kernel: cannot read '$image'"
	if is_elf "$image"; then
		vmlinux=$(realpath "$image")
	else
		kernel_unpack_cached "$image"
	fi
	kernel_name=$(grep -aoPm1 'Linux version \K[0-9]\S+' "$vmlinux" | head -n 1) ||
		die "'$image' is no Linux kernel: no version in it"
	kernel_modules=/lib/modules/$kernel_name
	[[ -d $kernel_modules ]] || kernel_modules=
}

# Concurrent runs may unpack the same kernel; each renames its own finished copy.
kernel_unpack_cached() {
	local image=$1 key
	key=$(sha256sum <"$image")
	vmlinux=$cache/vmlinux-${key:0:20}
	[[ ! -s $vmlinux ]] || return 0
	{ mkdir -p "$cache" && pending=$(mktemp "$cache/unpacking.XXXXXX"); } ||
		die "cannot write the cache $cache: name another by VM_CACHE"
	kernel_unpack "$image" >"$pending"
	is_elf "$pending" || die "'$image': what it unpacks to is no ELF vmlinux"
	mv "$pending" "$vmlinux"
	pending=
}

is_elf() {
	[[ $(octets "$1" 0 4) == 7f454c46 ]]
}

# octets FILE OFFSET COUNT: in hexadecimal.
octets() {
	od -An -tx1 -j"$2" -N"$3" "$1" | tr -d ' '
}

# number FILE OFFSET BYTES: a little-endian number.
number() {
	od -An -t"u$3" -j"$2" -N"$3" "$1" | tr -d ' '
}

# The compressed kernel within a bzImage, by its setup header (the kernel's
# Documentation/x86/boot.rst): "HdrS" at 0x202, setup_sects at 0x1f1,
# payload_offset at 0x248.
kernel_unpack() {
	local image=$1 start length unpack magic
	[[ $(octets "$image" $((0x202)) 4) == 48647253 ]] ||
		die "'$image' is neither a vmlinuz of x86 nor an ELF vmlinux"
	start=$((($(number "$image" $((0x1f1)) 1) + 1) * 512))
	start=$((start + $(number "$image" $((0x248)) 4)))
	length=$(number "$image" $((0x24c)) 4)
	magic=$(octets "$image" "$start" 4)
	case $magic in
	fd377a58) unpack=(xz -dc --single-stream) ;;
	1f8b*) unpack=(gzip -dcq) ;;
	28b52ffd) unpack=(zstd -dcq) ;;
	*) die "'$image': expected a kernel compressed by xz, gzip or zstd, got" \
		"magic $magic: unpack it and pass the vmlinux to --kernel" ;;
	esac
	need "${unpack[0]}" "${unpack[0]/%xz/xz-utils}"
	# The build appends the unpacked size to the payload: unpackers may frown at it.
	tail -c +$((start + 1)) "$image" | head -c "$length" | "${unpack[@]}" 2>/dev/null ||
		true
}
