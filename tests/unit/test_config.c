/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests a blade's configuration: read, checked, written back; faults and their wording.
 */
#include <errno.h>
#include <ini.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "deploy/config.h"

#define CLIENT                                                                           \
	"[client]\nnic = a\nvlan = 100\naddress = 10.1.0.2/24\ngateway = 10.1.0.1\n"
#define SERVER                                                                           \
	"[server]\nnic = a\nvlan = 200\naddress = 10.2.0.2/24\ngateway = 10.2.0.1\n"

static void good(const char *text, struct config *c)
{
	struct text faults = { 0 };

	if (config_parse("f", text, strlen(text), c, &faults) < 0)
		fail_msg("%s", faults.text);
	assert_int_equal(faults.length, 0);
}

static void bad(const char *text, const char *wanted)
{
	struct text faults = { 0 };
	struct config c;

	assert_int_equal(config_parse("f", text, strlen(text), &c, &faults), -EINVAL);
	assert_string_equal(faults.text, wanted);
	text_free(&faults);
}

static void test_least(void **state)
{
	struct config c, defaults;

	(void)state;
	good(CLIENT SERVER, &c);
	assert_string_equal(c.side[SIDE_CLIENT].nic, "a");
	assert_int_equal(c.side[SIDE_CLIENT].vlan, 100);
	assert_int_equal(c.side[SIDE_SERVER].vlan, 200);
	assert_int_equal(c.side[SIDE_SERVER].address[FAMILY_IPV4].length, 24);
	assert_int_equal(c.side[SIDE_SERVER].address[FAMILY_IPV4].bytes[1], 2);
	assert_int_equal(c.side[SIDE_SERVER].gateway[FAMILY_IPV4].bytes[3], 1);
	config_defaults(&defaults);
	memset(defaults.side, 0, sizeof(defaults.side));
	memset(c.side, 0, sizeof(c.side));
	assert_memory_equal(&c, &defaults, sizeof(c));
}

static void test_defaults(void **state)
{
	struct config c;

	(void)state;
	memset(&c, 0x55, sizeof(c));
	config_defaults(&c);
	assert_int_equal(c.scenario, SCENARIO_AUTO);
	assert_int_equal(c.datapath, TC_DATAPATH_AUTO);
	assert_int_equal(c.side[SIDE_CLIENT].vlan, 0);
	assert_int_equal(c.side[SIDE_CLIENT].mtu, 0);
	assert_string_equal(c.side[SIDE_SERVER].congestion, "");
	assert_int_equal(ports_count(&c.ports), 1);
	assert_true(ports_contain(&c.ports, 80));
	assert_string_equal(c.binary, "/usr/sbin/haproxy");
	assert_string_equal(c.user, "haproxy");
	assert_int_equal(c.model, HAPROXY_MODEL_PROCESSES);
	assert_int_equal(c.mode, HAPROXY_MODE_TCP);
	assert_int_equal(c.splice, HAPROXY_SPLICE_AUTO);
	assert_int_equal(c.source, HAPROXY_SOURCE_CLIENT);
	assert_int_equal(c.accept, CONFIG_ACCEPT_AUTO);
	assert_int_equal(c.processes, 0);
	assert_int_equal(c.maxconn, 0);
	assert_string_equal(c.cpus, "");
	assert_int_equal(c.timeout_connect, 10000);
	assert_int_equal(c.timeout_idle, 3600000);
	assert_int_equal(c.timeout_fin, 300000);
}

static const char everything[] =
	"# every key, none at its default, with every kind of blank and comment\n"
	"[blade] ; inline\n"
	"\tscenario=NF-IPT\nengine = iptables\nno_nf = strict\n"
	"  datapath   =\tmirred  # why\n"
	"\n"
	"[client]\n"
	"nic = eth0.5\nvlan = 1\naddress = 10.1.0.2/24\ngateway = 10.1.0.1\n"
	"address6 = FD00:1:0::2/64\ngateway6 = fe80::1\nmtu = 1400\n"
	"congestion = bbr\ninitcwnd = 32\n"
	"[server]\n"
	"nic = br-lan_1\nvlan = 4094\naddress = 192.0.2.0/31\ngateway = 192.0.2.1\n"
	"address6 = fd00:2::/127\ngateway6 = fd00:2::1\nmtu = 9000\n"
	"congestion = cubic\ninitcwnd = 1024\n"
	"[service]\nports = 443 , 8080 - 8090,80\nproxy_port = 4321\n"
	"[haproxy]\nbinary = /opt/haproxy-3.0/sbin/haproxy\nuser = root\nmodel = threads\n"
	"processes = 64\ncpus = 0-3 , 8\nmode = http\nsplice = off\nsource = clientip\n"
	"http_ports = 443, 80\nreuse = yes\nscheduling = batch\naccept = cpu\nmaxconn = 1048576\nbacklog = 65535\n"
	"[timeouts]\nconnect = 500ms\nidle = 168h\nfin = 90s";

static void test_everything(void **state)
{
	struct config c;
	char ports[PORTS_TEXT_SIZE];

	(void)state;
	good(everything, &c);
	assert_int_equal(c.scenario, SCENARIO_NF_IPT);
	assert_int_equal(c.engine, NETNS_ENGINE_IPTABLES);
	assert_int_equal(c.no_nf, NO_NF_STRICT);
	assert_int_equal(c.proxy_port, 4321);
	assert_int_equal(c.datapath, TC_DATAPATH_MIRRED);
	assert_string_equal(c.side[SIDE_CLIENT].nic, "eth0.5");
	assert_int_equal(c.side[SIDE_CLIENT].mtu, 1400);
	assert_string_equal(c.side[SIDE_CLIENT].congestion, "bbr");
	assert_int_equal(c.side[SIDE_SERVER].initcwnd, 1024);
	assert_string_equal(ports_format(&c.ports, ports, sizeof(ports)),
			    "80,443,8080-8090");
	assert_string_equal(c.user, "");
	assert_string_equal(c.cpus, "0-3,8");
	assert_int_equal(c.accept, HAPROXY_ACCEPT_CPU);
	assert_int_equal(c.reuse, 1);
	assert_string_equal(ports_format(&c.http_ports, ports, sizeof(ports)), "80,443");
	assert_int_equal(c.scheduling, 1);
	assert_int_equal(c.timeout_idle, 168 * 3600 * 1000);
	assert_int_equal(c.timeout_fin, 90000);
}

/* What is written is read as the same, and written the same again. */
static void round_trip(const struct config *c)
{
	struct text once = { 0 }, twice = { 0 }, faults = { 0 };
	struct config again;

	for (int describe = 0; describe < 2; describe++) {
		config_write(c, describe, &once);
		if (config_parse("f", once.text, once.length, &again, &faults) < 0)
			fail_msg("%s\n%s", faults.text, once.text);
		assert_memory_equal(c, &again, sizeof(again));
		config_write(&again, describe, &twice);
		assert_string_equal(once.text, twice.text);
		text_free(&once);
		text_free(&twice);
	}
}

static void test_round_trip(void **state)
{
	struct config c;
	char *p = c.binary;

	(void)state;
	good(everything, &c);
	round_trip(&c);
	good(CLIENT SERVER, &c);
	round_trip(&c);
	/* Shorter than the defaults that they replace. */
	good(CLIENT SERVER "[haproxy]\nbinary = /h\nuser = u\n", &c);
	assert_string_equal(c.binary, "/h");
	assert_string_equal(c.user, "u");
	round_trip(&c);
	/* The longest line that can be: 64 ranges of five digits. */
	for (unsigned int i = 0; i < PORTS_MAX; i++) {
		c.ports.range[i].first = (uint16_t)(10000 + 3 * i);
		c.ports.range[i].last = (uint16_t)(10000 + 3 * i);
	}
	c.ports.n = PORTS_MAX;
	memset(p, 'x', sizeof(c.binary) - 1);
	p[0] = '/';
	round_trip(&c);
}

/* Every duration of the table's ranges survives, whichever unit it is written in. */
static void test_round_trip_durations(void **state)
{
	static const unsigned int idle[] = { 1000,    1001,    59999,   60000,    61000,
					     3599000, 3600000, 5400000, 604800000 };
	struct config c;

	(void)state;
	good(CLIENT SERVER, &c);
	for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++) {
		c.timeout_idle = idle[i];
		round_trip(&c);
	}
}

static void test_faults(void **state)
{
	(void)state;
	bad("", "f: client.nic: expected an interface name as in eth0, found nothing\n"
		"f: server.nic: expected an interface name as in eth0, found nothing\n"
		"f: client.address: expected an address or address6, found neither\n"
		"f: server.address: expected an address or address6, found neither\n");
	bad(CLIENT SERVER "vlna = 5\n[servcie]\nports = 0\nports = 80\n[x]\ny = z\n",
	    "f:11: server.vlna: no such key; did you mean 'vlan'?\n"
	    "f:12: [servcie]: no such section; did you mean [service]?\n"
	    "f:13: service.ports: expected ports 1..65534 as in 80, 8080-8090, got '0' (a "
	    "port is 1..65534)\n"
	    "f:14: service.ports: given before in line 13\n"
	    "f:15: [x]: no such section\n");
}

/* A fault in one key is no fault in another. */
static void test_no_echo(void **state)
{
	(void)state;
	bad("[client]\nnic = a\nvlan = 100\naddress = 10.1.0.2\ngateway = 10.1.0.1\n" SERVER,
	    "f:4: client.address: expected an IPv4 address with its prefix length as in "
	    "10.1.0.2/24, or none, got '10.1.0.2'\n");
	bad("[client]\nnic = a\nvlan = 200x\naddress = 10.1.0.2/24\ngateway = 10.1.0.1\n" SERVER,
	    "f:3: client.vlan: expected 1..4094 or none, got '200x'\n");
	bad("[client]\nnic = \xff\nvlan = 100\naddress = 10.1.0.2/24\ngateway = 10.1.0.1\n" SERVER,
	    "f:2: expected UTF-8 text, got the byte 0xff in column 7\n");
	bad("[client\nnic = a\nvlan = x\n" SERVER CLIENT,
	    "f:1: expected [section], got '[client'\n");
}

static void test_cap(void **state)
{
	struct text in = { 0 }, faults = { 0 };
	struct config c;
	size_t lines = 0;

	(void)state;
	text_add(&in, CLIENT SERVER "[service]\n");
	for (int i = 0; i < CONFIG_FAULTS_MAX + 3; i++)
		text_line(&in, "weather%d = 1", i);
	assert_int_equal(config_parse("f", in.text, in.length, &c, &faults), -EINVAL);
	for (const char *p = faults.text; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, CONFIG_FAULTS_MAX + 1);
	assert_non_null(strstr(faults.text, "f:61: service.weather49: no such key\n"
					    "f: and 3 more faults\n"));
	text_free(&in);
	text_free(&faults);
}

/* Lines up to the limit are read whole, which inih's own 200 bytes would not allow. */
static void test_long_lines(void **state)
{
	struct text in = { 0 };
	struct config c;
	int before = ini_max_line;

	(void)state;
	for (int extra = 0; extra < 2; extra++) {
		text_add(&in, CLIENT SERVER "[service]\nports =%*d",
			 CONFIG_LINE_MAX - 7 + extra, 81);
		if (extra) {
			bad(in.text, "f:12: expected at most 2000 bytes in a line, got "
				     "2001\n");
		} else {
			good(in.text, &c);
			assert_true(ports_contain(&c.ports, 81));
		}
		text_free(&in);
	}
	assert_int_equal(ini_max_line, before);
}

static void test_too_long(void **state)
{
	struct text faults = { 0 };
	struct config c;
	char *bytes = calloc(1, CONFIG_FILE_MAX + 1);

	(void)state;
	assert_non_null(bytes);
	memset(bytes, '\n', CONFIG_FILE_MAX + 1);
	assert_int_equal(config_parse("f", bytes, CONFIG_FILE_MAX + 1, &c, &faults),
			 -EINVAL);
	assert_non_null(strstr(faults.text, "f: expected at most 1048576 bytes, got "
					    "1048577\n"));
	text_free(&faults);
	memcpy(bytes, CLIENT SERVER, strlen(CLIENT SERVER));
	assert_int_equal(config_parse("f", bytes, CONFIG_FILE_MAX, &c, &faults), 0);
	free(bytes);
}

static void test_read(void **state)
{
	char path[] = "/tmp/test_config.XXXXXX";
	int fd = mkstemp(path);
	struct text faults = { 0 };
	struct config c;
	char wanted[200];

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, everything, strlen(everything)), strlen(everything));
	assert_int_equal(config_read(path, &c, &faults), 0);
	assert_string_equal(c.side[SIDE_CLIENT].nic, "eth0.5");
	assert_int_equal(ftruncate(fd, CONFIG_FILE_MAX + 1), 0);
	close(fd);
	assert_int_equal(config_read(path, &c, &faults), -EFBIG);
	unlink(path);
	text_free(&faults);
	assert_int_equal(config_read(path, &c, &faults), -ENOENT);
	snprintf(wanted, sizeof(wanted),
		 "%s: cannot read the configuration: No such file or directory\n", path);
	assert_string_equal(faults.text, wanted);
	text_free(&faults);
	assert_int_equal(config_read("/", &c, &faults), -EISDIR);
	text_free(&faults);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(config_read(path, &c, &faults), -EINVAL);
	assert_non_null(strstr(faults.text, "regular file"));
	unlink(path);
	text_free(&faults);
}

/* The shipped example is valid, and the blade of the paper. */
static void test_example(void **state)
{
	struct text faults = { 0 };
	struct config c;

	(void)state;
	if (config_read("deploy/pep0.conf.example", &c, &faults) < 0)
		fail_msg("(run in the repository's root) %s", faults.text);
	assert_string_equal(c.side[SIDE_CLIENT].nic, c.side[SIDE_SERVER].nic);
	assert_int_equal(c.side[SIDE_CLIENT].vlan, 100);
	assert_int_equal(c.side[SIDE_SERVER].vlan, 200);
	assert_int_equal(c.processes, 20);
	assert_int_equal(c.side[SIDE_SERVER].address[FAMILY_IPV6].family, AF_INET6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_least),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_round_trip_durations),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_no_echo),
		cmocka_unit_test(test_cap),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_example),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
