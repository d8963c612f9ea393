# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# initramfs.sh: builds the guest's initial file system: busybox, the modules that a 9p
# root needs, guest-init and guest-stage2. Not cached: it takes a tenth of a second.
: "${here:?}" "${work?}"

# initramfs_build MODULES OUT: MODULES is /lib/modules/VERSION, or empty.
initramfs_build() {
	local modules=$1 out=$2 tree=$work/initramfs
	mkdir -p "$tree"/{bin,modules,proc,sys,dev,lower,upper,new}
	cp "$(command -v busybox)" "$tree/bin/busybox"
	cp "$here/guest-init" "$tree/init"
	cp "$here/guest-stage2" "$tree/stage2"
	chmod 755 "$tree/init" "$tree/stage2"
	[[ ! $modules ]] || initramfs_modules "${modules##*/}" "$tree/modules"
	(cd "$tree" && find . | cpio --quiet -o -H newc) >"$out"
	rm -r "$tree"
}

# In the order of loading: 00-virtio.ko, 01-...
initramfs_modules() {
	local version=$1 into=$2 file list n=0
	list=$(modprobe -S "$version" -a --show-depends \
		virtio_pci 9pnet_virtio 9p overlay 2>&1) ||
		die "kernel $version cannot boot from a shared /: $list"
	while read -r file; do
		initramfs_module "$file" "$into/$(printf %02d $n)"
		n=$((n + 1))
	done < <(awk '$1 == "insmod" && !seen[$2]++ { print $2 }' <<<"$list")
}

initramfs_module() {
	local file=$1 prefix=$2 name=${1##*/}
	case $file in
	*.ko) cp "$file" "$prefix-$name" ;;
	*.ko.xz) xz -dc "$file" >"$prefix-${name%.xz}" ;;
	*.ko.zst) zstd -dcq "$file" >"$prefix-${name%.zst}" ;;
	*.ko.gz) gzip -dc "$file" >"$prefix-${name%.gz}" ;;
	*) die "module $file: expected .ko, .ko.xz, .ko.zst or .ko.gz" ;;
	esac
}
