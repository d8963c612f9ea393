/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns turning a configuration into a plan for this machine. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "deploy/plan.h"
#include "deploy/preflight.h"
#include "deploy/scenario.h"
#include "deploy/state.h"

#define PLAN_MAXCONN_AUTO  32768 /* an instance's connection table stays below 40 MB */
#define PLAN_MAXCONN_LEAST 1000  /* fewer is a limit nobody meant for a proxy */

static const char *const side_inner[SIDES] = { "client", "server" };
static const char side_letter[SIDES] = { 'c', 's' };

static void plan_side(struct step_context *c, int s)
{
	const struct config_side *from = &c->config.side[s];
	struct netns_side *to = &c->netns.side[s];
	struct tc_side *way = &c->tc.side[s];

	snprintf(to->inner, sizeof(to->inner), "%s", side_inner[s]);
	snprintf(to->host, sizeof(to->host), "%s-%c", c->name, side_letter[s]);
	memcpy(to->mac, c->nic[s].mac, sizeof(to->mac));
	to->mtu = from->mtu ? from->mtu : c->nic[s].mtu;
	memcpy(to->address, from->address, sizeof(to->address));
	memcpy(to->gateway, from->gateway, sizeof(to->gateway));
	snprintf(to->congestion, sizeof(to->congestion), "%s", from->congestion);
	to->initcwnd = from->initcwnd;
	memcpy(way->nic, from->nic, sizeof(way->nic));
	memcpy(way->host, to->host, sizeof(way->host));
	memcpy(way->inner, to->inner, sizeof(way->inner));
	way->vlan = from->vlan;
}

/* What the placement is to each side's NIC. */
static int plan_queues(struct step_context *c, int s, struct error *err)
{
	const struct placement *p = &c->placement;
	struct nic_queues *q = &c->queues[s];

	snprintf(q->name, sizeof(q->name), "%s", c->nic[s].name);
	q->symmetric = c->config.rss == RSS_SYMMETRIC;
	q->rps = p->rps;
	q->rps_cpus = p->rps_cpus;
	for (unsigned int i = 0; i < p->rows; i++) {
		const struct placement_row *row = &p->row[i];

		if (row->queue < 0)
			continue;
		q->queue[row->queue].cpu = row->cpu;
		q->queue[row->queue].xps = row->xps;
	}
	q->n = p->queues;
	return p->queues ? nic_queues_ask(q, err) : 0;
}

/* The CPUs of queues and instances, and what each of them accepts. */
static int plan_placement(struct step_context *c, bool recall, struct error *err)
{
	struct haproxy_plan *h = &c->haproxy;
	struct placement *p = &c->placement;
	const struct placement_standin none = { 0 };
	int r = placement_read(&c->config, &none, recall, p, err);

	if (r < 0)
		return r;
	placement_resolve(p, &c->config);
	memcpy(h->cpu, p->cpu, sizeof(h->cpu));
	memcpy(h->taker, p->taker, sizeof(h->taker));
	h->takers = p->cpus;
	h->bound = p->bound && p->node >= 0;
	h->memory_node = h->bound ? (unsigned int)p->node : 0;
	for (int s = 0; s < SIDES && !r; s++)
		r = plan_queues(c, s, err);
	return r;
}

/* The descriptors that each instance may have: the hard limit, which root may raise. */
static int plan_descriptors(struct step_context *c, bool recall, struct error *err)
{
	struct haproxy_plan *h = &c->haproxy;
	struct rlimit limit;
	unsigned int need, hard;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return error_set(err, errno, "read the descriptor limit");
	hard = limit.rlim_max > 1048576 ? 1048576 : (unsigned int)limit.rlim_max;
	h->maxconn = c->config.maxconn;
	if (!h->maxconn) {
		h->maxconn = haproxy_maxconn_of(h, hard);
		if (h->maxconn > PLAN_MAXCONN_AUTO)
			h->maxconn = PLAN_MAXCONN_AUTO;
		if (h->maxconn < PLAN_MAXCONN_LEAST && !recall)
			return error_say(err, EMFILE,
					 "the hard limit of %u descriptors carries %u "
					 "connections in each instance: raise it (ulimit "
					 "-Hn, LimitNOFILE= of the unit), or set "
					 "haproxy.maxconn if that is enough",
					 hard, h->maxconn);
	}
	need = haproxy_fds_of(h);
	if (!recall && (!h->maxconn || need > hard))
		return error_say(err, EMFILE,
				 "haproxy.maxconn = %u needs %u descriptors in each "
				 "instance, the hard limit is %u: raise it (ulimit -Hn, "
				 "LimitNOFILE= of the unit) or lower maxconn to %u",
				 h->maxconn, need, hard, haproxy_maxconn_of(h, hard));
	h->fd_limit = need;
	c->config.maxconn = h->maxconn;
	return 0;
}

static int plan_haproxy(struct step_context *c, bool recall, struct error *err)
{
	const struct config *f = &c->config;
	struct haproxy_plan *h = &c->haproxy;
	int r = plan_placement(c, recall, err);

	if (r < 0)
		return r;
	snprintf(h->binary, sizeof(h->binary), "%s", f->binary);
	snprintf(h->user, sizeof(h->user), "%s", f->user);
	h->mode = (enum haproxy_mode)f->mode;
	h->splice = (enum haproxy_splice)f->splice;
	h->source = (enum haproxy_source)f->source;
	h->http_ports = f->http_ports;
	h->reuse = f->reuse;
	h->batch = f->scheduling;
	h->model = (enum haproxy_model)f->model;
	h->accept = (enum haproxy_accept)f->accept;
	h->processes = c->config.processes;
	h->ports = f->ports;
	if (c->netns.proxy_port)
		h->ports = (struct ports){
			.range = { { c->netns.proxy_port, c->netns.proxy_port } }, .n = 1
		};
	h->ipv4 = netns_has_family(&c->netns, FAMILY_IPV4);
	h->ipv6 = netns_has_family(&c->netns, FAMILY_IPV6);
	snprintf(h->server_side, sizeof(h->server_side), "%s", side_inner[SIDE_SERVER]);
	h->backlog = f->backlog;
	h->timeout_connect_ms = f->timeout_connect;
	h->timeout_idle_ms = f->timeout_idle;
	h->timeout_fin_ms = f->timeout_fin;
	return plan_descriptors(c, recall, err);
}

static int plan_fill(const char *name, const struct config *config, bool recall,
		     struct step_context *c, struct error *err)
{
	int r;

	memset(c, 0, sizeof(*c));
	snprintf(c->name, sizeof(c->name), "%s", name);
	snprintf(c->netns.name, sizeof(c->netns.name), "%s", name);
	snprintf(c->tc.netns, sizeof(c->tc.netns), "%s", name);
	c->config = *config;
	c->netns.ports = config->ports;
	c->netns.engine = (enum netns_engine)config->engine;
	if (scenario_maps(config->scenario))
		c->netns.proxy_port = (uint16_t)config->proxy_port;
	c->tc.mark_server = NETNS_MARK_SERVER;
	c->tc.mark_local = NETNS_MARK_LOCAL;
	/* In HTTP mode it is HAProxy that answers for a server which resets. */
	c->tc.reset = config->source == HAPROXY_SOURCE_CLIENT &&
		      (config->mode == HAPROXY_MODE_TCP || config->http_ports.n);
	c->tc.answered = config->http_ports;
	c->tc.mark_pass = NETNS_MARK_PASS;
	if (config->scenario == SCENARIO_NF_IPT)
		c->tc.proxy_port = config->proxy_port;
	c->tc.ports = config->ports;
	r = state_leaving_read(name, &c->tc.leaving, err);
	if (!r)
		r = ports_combine(&c->tc.leaving, &c->tc.leaving, &config->ports,
				  &c->tc.leaving, err);
	if (r < 0)
		return r;
	c->tc.fail_closed = config->fail == CONFIG_FAIL_CLOSED;
	c->tc.datapath = (enum tc_datapath)config->datapath;
	for (int s = 0; s < SIDES; s++) {
		r = nic_read(config->side[s].nic, &c->nic[s], err);
		if (r < 0)
			return error_wrap(err, "%s.nic", side_inner[s]);
		plan_side(c, s);
	}
	return plan_haproxy(c, recall, err);
}

static int plan_datapath(struct step_context *c, struct error *err)
{
	struct error why = { 0 };
	int r;

	if (c->tc.datapath != TC_DATAPATH_AUTO) {
		c->datapath_reason = "as configured";
		r = tc_datapath_check(c->tc.datapath, err);
		return r < 0 ? error_wrap(err, "blade.datapath = %s",
					  tc_datapath_name(c->tc.datapath))
			     : 0;
	}
	c->tc.datapath = TC_DATAPATH_BPF;
	c->datapath_reason = "auto: the kernel has all that bpf needs";
	if (tc_datapath_check(TC_DATAPATH_BPF, &why) < 0) {
		c->tc.datapath = TC_DATAPATH_MIRRED;
		c->datapath_reason = "auto: the kernel lacks what bpf needs";
		r = tc_datapath_check(TC_DATAPATH_MIRRED, err);
		if (r < 0)
			return error_wrap(err,
					  "neither datapath works here: bpf: %.600s; "
					  "mirred",
					  why.msg);
	}
	c->config.datapath = (int)c->tc.datapath;
	return 0;
}

int plan_make(const char *name, const struct config *config, struct step_context *out,
	      struct error *err)
{
	int r = preflight_privileges(err);

	if (!r)
		r = plan_render(name, config, out, err);
	if (!r)
		r = plan_datapath(out, err);
	return r;
}

int plan_render(const char *name, const struct config *config, struct step_context *out,
		struct error *err)
{
	int r = plan_fill(name, config, false, out, err);

	if (!r)
		r = haproxy_version_read(out->haproxy.binary, &out->version, err);
	if (!r)
		r = scenario_resolve(&out->config, err);
	return r;
}

int plan_recall(const char *name, const struct config *config, struct step_context *out,
		struct error *err)
{
	int r = plan_fill(name, config, true, out, err);

	out->datapath_reason = "chosen at up";
	return r;
}
