# SPDX-License-Identifier: GPL-2.0-or-later
# Builds, tests and installs hapep. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

BUILD  ?= .build
PREFIX ?= /usr/local
DESTDIR ?=
CC     ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
CLANG  ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
V      ?= 0
Q      := $(if $(filter 0,$(V)),@)
say     = $(if $(filter 0,$(V)),@printf '  %-7s %s\n' $(1) $(2))

VERSION := 0.1.0
PACKAGES := libnl-route-3.0 libnl-genl-3.0 libnl-3.0 libbpf libnftables jansson libcap-ng hwloc libsystemd
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wwrite-strings -Wcast-qual -Wformat=2 -Wundef -Wvla \
	-Wnull-dereference -fno-common
HARDENING := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
OPTIMISE ?= -O2 -g
SANITIZE ?=
WERROR ?=
CPPFLAGS += -D_GNU_SOURCE -DHAPEP_VERSION='"$(VERSION)"' -I. -isystem $(BUILD)
ifneq ($(filter-out deps help clean,$(or $(MAKECMDGOALS),all)),)
CPPFLAGS += $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
LIBRARIES = $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -linih -lm
endif
CFLAGS  += -std=gnu11 $(OPTIMISE) $(WARNINGS) $(WERROR) $(HARDENING) $(SANITIZE)
LDFLAGS += -pie -Wl,-z,relro,-z,now $(SANITIZE)

LAYERS   := helpers helpers/nic netns tc haproxy deploy
SOURCES  := $(foreach d,$(LAYERS),$(wildcard $(d)/*.c))
BPF      := $(filter %.bpf.c,$(SOURCES))
SOURCES  := $(filter-out %.bpf.c,$(SOURCES))
OBJECTS  := $(SOURCES:%.c=$(BUILD)/%.o)
SKELETONS := $(BPF:%.bpf.c=$(BUILD)/%.skel.h)
LIB      := $(filter-out $(BUILD)/deploy/main.o,$(OBJECTS))

LOAD_MAINS := $(addprefix tests/load/,load.c origin.c pingpong.c)
LOAD_SOURCES := $(filter-out $(LOAD_MAINS),$(wildcard tests/load/*.c))
LOAD_OBJECTS := $(LOAD_SOURCES:%.c=$(BUILD)/%.o)
LOAD     := $(patsubst %.c,$(BUILD)/%,$(LOAD_MAINS))
RELAY_SOURCES := $(wildcard tests/bench/relay*.c)
RELAY_OBJECTS := $(RELAY_SOURCES:%.c=$(BUILD)/%.o)
PACKETS_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out %.bpf.c $(RELAY_SOURCES), \
	$(wildcard tests/bench/*.c)))
LAB_BPF  := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/lab/*.bpf.c))
UNITS    := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/test_*.c))
TOOLS    := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/tools/*.c))
DRIVERS  := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/driver/*.c))

# What `hapep bench` runs: as it is installed, so it lies in the build's directory.
LIBEXEC := $(addprefix $(BUILD)/libexec/hapep/,bench/driver bench/peers.sh \
	bench/yardsticks.sh bench/packets.sh bench/profile.sh bench/packets \
	bench/packets.bpf.o bench/relay \
	lab/lab lab/lab.conf lab/lab-untagged.conf lab/lab-two-nics.conf \
	lab/topology.sh lab/survey.sh lab/removal.sh lab/origin.sh \
	lab/wire.bpf.o lab/blackhole.bpf.o load/load load/origin load/pingpong)

.PHONY: all tools units libexec
all: $(BUILD)/hapep ## build the command: .build/hapep
tools: $(LOAD) $(LAB_BPF) $(TOOLS) $(DRIVERS) libexec
units: $(UNITS)
libexec: $(LIBEXEC)

$(BUILD)/libexec/hapep/%: tests/%
	$(Q)install -D -m $(if $(shell test -x $< && echo x),755,644) $< $@

$(BUILD)/libexec/hapep/lab/%.o: $(BUILD)/tests/lab/%.o
	$(Q)install -D -m 644 $< $@

$(addprefix $(BUILD)/libexec/hapep/bench/,packets relay): \
		$(BUILD)/libexec/hapep/bench/%: $(BUILD)/tests/bench/%
	$(Q)install -D -m 755 $< $@

$(BUILD)/libexec/hapep/bench/%.o: $(BUILD)/tests/bench/%.o
	$(Q)install -D -m 644 $< $@

$(BUILD)/libexec/hapep/load/%: $(BUILD)/tests/load/%
	$(Q)install -D -m 755 $< $@

$(BUILD)/hapep: $(OBJECTS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBRARIES)

$(BUILD)/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MD -MP -c -o $@ $<

$(OBJECTS) $(UNITS) $(DRIVERS): | $(SKELETONS)

$(BUILD)/%.bpf.o: %.bpf.c
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) -O2 -g -Wall -Werror -target bpf -D__TARGET_ARCH_x86 \
		-I/usr/include/$(shell uname -m)-linux-gnu -I. -MMD -MP -c -o $@ $<

.SECONDARY: $(BPF:%.bpf.c=$(BUILD)/%.bpf.o)

$(BUILD)/%.skel.h: $(BUILD)/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $(subst -,_,$(notdir $*))_bpf > $@

$(LOAD): $(BUILD)/%: $(BUILD)/%.o $(LOAD_OBJECTS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lm -lpthread -ljansson

$(BUILD)/tests/bench/packets: $(PACKETS_OBJECTS) $(LOAD_OBJECTS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lm -lpthread -ljansson -lbpf -lnl-3

$(BUILD)/tests/bench/relay: $(RELAY_OBJECTS) $(LOAD_OBJECTS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lm -lpthread -ljansson

$(TOOLS): $(BUILD)/%: $(BUILD)/%.o
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^

# A clock, and what a supervisor or a sample meets, are the test's.
WRAPPED_WATCH := clock_gettime kill haproxy_probe_ask haproxy_probe_hear \
	haproxy_stats_read
WRAPPED_GATE := clock_gettime tc_gate_find tc_gate_set tc_gate_point tc_gate_close \
	generations_present generations_well generations_summary generations_proxy_port
$(BUILD)/tests/unit/test_watch: LDFLAGS += $(WRAPPED_WATCH:%=-Wl,--wrap=%)
$(BUILD)/tests/unit/test_bench_sample: LDFLAGS += -Wl,--wrap=fopen -Wl,--wrap=nanosleep
$(BUILD)/tests/unit/test_gate: LDFLAGS += $(WRAPPED_GATE:%=-Wl,--wrap=%)

$(BUILD)/tests/unit/test_packets_table: $(BUILD)/tests/bench/packets_table.o

$(UNITS): $(BUILD)/%: $(BUILD)/%.o $(LIB) $(LOAD_OBJECTS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBRARIES) -lcmocka -lm -lpthread

$(DRIVERS): $(BUILD)/%: $(BUILD)/%.o $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBRARIES)

-include $(shell test -d $(BUILD) && find $(BUILD) -name '*.d')

include tests/Makefile.check
