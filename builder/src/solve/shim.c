/* A narrow door to libsolv, whose interface is macros and inline functions for a good part.
 *
 * Nothing is decided here: each function is a call or two, with plain types on the outside. Strings that are given back live until the
 * pool's ring of sixteen temporary ones comes round, so the caller copies at once. Ids are checked against the pool.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <solv/pool.h>
#include <solv/poolarch.h>
#include <solv/pool_parserpmrichdep.h>
#include <solv/repo.h>
#include <solv/repo_rpmmd.h>
#include <solv/repo_solv.h>
#include <solv/repo_write.h>
#include <solv/selection.h>
#include <solv/solver.h>
#include <solv/solverdebug.h>
#include <solv/transaction.h>
#include <solv/chksum.h>
#include <solv/evr.h>

typedef ssize_t (*aril_read)(void *context, char *bytes, size_t size);
typedef ssize_t (*aril_write)(void *context, const char *bytes, size_t size);

struct aril_dependency {
	int kind; /* index into `keys` below */
	int relation; /* REL_GT | REL_EQ | REL_LT, 0 for none */
	const char *name; /* a rich dependency when it begins with ( */
	const char *version;
};

struct aril_path {
	const char *dir;
	const char *name;
};

struct aril_package {
	const char *name, *evr, *arch, *vendor;
	const struct aril_dependency *dependencies;
	size_t dependency_count;
	const struct aril_path *paths;
	size_t path_count;
};

struct aril_rule {
	int type;
	Id source, target;
	const char *dependency;
};

static Solvable *find(Pool *pool, Id id)
{
	return id > 1 && id < pool->nsolvables ? pool->solvables + id : NULL;
}

Pool *aril_pool_create(const char *arch)
{
	Pool *pool = pool_create();
	/* First of all: a library built for Debian orders versions as Debian does. */
	pool_setdisttype(pool, DISTTYPE_RPM);
	/* This architecture and no other that the machine may also run: no sandbox lets programs of those start. */
	pool_setarchpolicy(pool, arch);
	/* File lists are loaded on demand; without this flag each file dependency would ask for them. */
	pool_set_flag(pool, POOL_FLAG_ADDFILEPROVIDESFILTERED, 0);
	return pool;
}

void aril_pool_free(Pool *pool)
{
	pool_free(pool);
}

int aril_evr_compare(Pool *pool, const char *a, const char *b)
{
	return pool_evrcmp_str(pool, a, b, EVRCMP_COMPARE);
}

Id aril_repo_create(Pool *pool, const char *name, int priority)
{
	Repo *repo = repo_create(pool, name);
	repo->priority = priority;
	return repo->repoid;
}

/* libsolv reads and writes C streams; these hand each piece on. A stream that cannot be made or flushed counts as failed. */

static FILE *open_reader(void *context, aril_read read)
{
	cookie_io_functions_t functions = { .read = read };
	return fopencookie(context, "r", functions);
}

int aril_repo_add_xml(Pool *pool, Id repo, void *context, aril_read read, int filelists)
{
	FILE *file = open_reader(context, read);
	if (!file)
		return -1;
	int result = repo_add_rpmmd(pool_id2repo(pool, repo), file, NULL, filelists ? REPO_EXTEND_SOLVABLES : 0);
	fclose(file);
	return result;
}

int aril_repo_add_solv(Pool *pool, Id repo, void *context, aril_read read)
{
	FILE *file = open_reader(context, read);
	if (!file)
		return -1;
	int result = repo_add_solv(pool_id2repo(pool, repo), file, 0);
	fclose(file);
	return result;
}

int aril_repo_write(Pool *pool, Id repo, void *context, aril_write write)
{
	cookie_io_functions_t functions = { .write = write };
	FILE *file = fopencookie(context, "w", functions);
	if (!file)
		return -1;
	int result = repo_write(pool_id2repo(pool, repo), file);
	return fclose(file) ? -1 : result;
}

const char *aril_error(Pool *pool)
{
	return pool_errstr(pool);
}

static Id dependency_id(Pool *pool, const struct aril_dependency *dependency)
{
	if (dependency->name[0] == '(')
		return pool_parserpmrichdep(pool, dependency->name);
	Id id = pool_str2id(pool, dependency->name, 1);
	if (dependency->relation)
		id = pool_rel2id(pool, id, pool_str2id(pool, dependency->version, 1), dependency->relation, 1);
	return id;
}

static void add_dependency(Solvable *s, const struct aril_dependency *dependency, Id id)
{
	/* In the order of `DependencyKind` in solve/package.rs. */
	static const Id keys[] = { SOLVABLE_PROVIDES, SOLVABLE_REQUIRES, SOLVABLE_CONFLICTS, SOLVABLE_OBSOLETES,
		SOLVABLE_RECOMMENDS, SOLVABLE_SUGGESTS, SOLVABLE_SUPPLEMENTS, SOLVABLE_ENHANCES, SOLVABLE_REQUIRES };
	if (dependency->kind < 0 || (size_t)dependency->kind >= sizeof keys / sizeof *keys)
		return;
	/* The last kind stands for requirements of scripts, which libsolv keeps behind a marker. */
	Id marker = 0;
	if (keys[dependency->kind] == SOLVABLE_REQUIRES)
		marker = dependency->kind == 8 ? 1 : -1;
	else if (keys[dependency->kind] == SOLVABLE_PROVIDES)
		marker = -1;
	solvable_add_deparray(s, keys[dependency->kind], id, marker);
}

/* 0 when a rich dependency cannot be read. */
Id aril_add_package(Pool *pool, Id repo_id, const struct aril_package *package)
{
	Repo *repo = pool_id2repo(pool, repo_id);
	Id id = repo_add_solvable(repo);
	Solvable *s = pool_id2solvable(pool, id);
	s->name = pool_str2id(pool, package->name, 1);
	s->evr = pool_str2id(pool, package->evr, 1);
	s->arch = pool_str2id(pool, package->arch, 1);
	s->vendor = pool_str2id(pool, package->vendor, 1);
	for (size_t i = 0; i < package->dependency_count; i++) {
		Id dependency = dependency_id(pool, package->dependencies + i);
		if (!dependency) {
			repo_free_solvable(repo, id, 1);
			return 0;
		}
		/* The array of solvables may have moved. */
		add_dependency(pool_id2solvable(pool, id), package->dependencies + i, dependency);
	}
	Repodata *data = repo_last_repodata(repo);
	for (size_t i = 0; i < package->path_count; i++) {
		Id dir = repodata_str2dir(data, package->paths[i].dir, 1);
		repodata_add_dirstr(data, id, SOLVABLE_FILELIST, dir, package->paths[i].name);
	}
	return id;
}

void aril_set_installed(Pool *pool, Id repo)
{
	pool_set_installed(pool, pool_id2repo(pool, repo));
}

/* To be called when all packages are there and before anything is asked. */
void aril_prepare(Pool *pool)
{
	int i;
	Repo *repo;
	FOR_REPOS(i, repo)
		repo_internalize(repo);
	pool_addfileprovides(pool);
	pool_createwhatprovides(pool);
}

void aril_exclude(Pool *pool, Id id)
{
	if (!find(pool, id))
		return;
	if (!pool->considered) {
		pool->considered = solv_calloc(1, sizeof(Map));
		map_init(pool->considered, pool->nsolvables);
		map_setall(pool->considered);
	}
	MAPCLR(pool->considered, id);
}

Queue *aril_queue_create(void)
{
	Queue *queue = solv_malloc(sizeof *queue);
	queue_init(queue);
	return queue;
}

void aril_queue_free(Queue *queue)
{
	queue_free(queue);
	solv_free(queue);
}

int aril_queue_count(const Queue *queue)
{
	return queue->count;
}

Id aril_queue_at(const Queue *queue, int index)
{
	return index >= 0 && index < queue->count ? queue->elements[index] : 0;
}

/* Adds a job for what a person wrote; 0 when nothing is meant by it. A weak job is dropped when it cannot be done. */
int aril_job_install(Pool *pool, Queue *job, const char *text, int weak)
{
	Queue selection;
	queue_init(&selection);
	int flags = SELECTION_NAME | SELECTION_PROVIDES | SELECTION_CANON | SELECTION_DOTARCH | SELECTION_REL | SELECTION_GLOB;
	if (text[0] == '/')
		flags |= SELECTION_FILELIST;
	int found = selection_make(pool, &selection, text, flags);
	for (int i = 0; found && i < selection.count; i += 2)
		queue_push2(job, SOLVER_INSTALL | (weak ? SOLVER_WEAK : 0) | selection.elements[i], selection.elements[i + 1]);
	queue_free(&selection);
	return found;
}

/* The packages that a text means, for suggestions. */
int aril_matching(Pool *pool, const char *text, Queue *packages)
{
	Queue selection;
	queue_init(&selection);
	int flags = SELECTION_NAME | SELECTION_PROVIDES | SELECTION_CANON | SELECTION_DOTARCH | SELECTION_GLOB | SELECTION_NOCASE;
	if (text[0] == '/')
		flags |= SELECTION_FILELIST;
	int found = selection_make(pool, &selection, text, flags);
	if (found)
		selection_solvables(pool, &selection, packages);
	queue_free(&selection);
	return found;
}

void aril_job_install_package(Queue *job, Id id)
{
	queue_push2(job, SOLVER_INSTALL | SOLVER_SOLVABLE, id);
}

void aril_job_lock_installed(Pool *pool, Queue *job)
{
	if (pool->installed)
		queue_push2(job, SOLVER_LOCK | SOLVER_SOLVABLE_REPO, pool->installed->repoid);
}

void aril_job_verify(Queue *job)
{
	queue_push2(job, SOLVER_VERIFY | SOLVER_SOLVABLE_ALL, 0);
}

Solver *aril_solver_create(Pool *pool, int weak)
{
	Solver *solver = solver_create(pool);
	/* What dnf sets, for the same answers. */
	solver_set_flag(solver, SOLVER_FLAG_ALLOW_VENDORCHANGE, 1);
	solver_set_flag(solver, SOLVER_FLAG_KEEP_ORPHANS, 1);
	solver_set_flag(solver, SOLVER_FLAG_BEST_OBEY_POLICY, 1);
	solver_set_flag(solver, SOLVER_FLAG_YUM_OBSOLETES, 1);
	solver_set_flag(solver, SOLVER_FLAG_URPM_REORDER, 1);
	solver_set_flag(solver, SOLVER_FLAG_IGNORE_RECOMMENDED, !weak);
	return solver;
}

void aril_solver_free(Solver *solver)
{
	solver_free(solver);
}

/* The number of problems. */
int aril_solver_solve(Solver *solver, Queue *job)
{
	return solver_solve(solver, job);
}

/* The packages that come, in the order in which they would be installed. */
void aril_solver_packages(Solver *solver, Queue *packages)
{
	Transaction *transaction = solver_create_transaction(solver);
	transaction_order(transaction, 0);
	Pool *pool = solver->pool;
	for (int i = 0; i < transaction->steps.count; i++) {
		Id id = transaction->steps.elements[i];
		Solvable *s = find(pool, id);
		if (s && s->repo != pool->installed)
			queue_push(packages, id);
	}
	transaction_free(transaction);
}

/* The installed packages that have to go, be it for another version. */
void aril_solver_removed(Solver *solver, Queue *packages)
{
	Queue decisions;
	queue_init(&decisions);
	solver_get_decisionqueue(solver, &decisions);
	Pool *pool = solver->pool;
	for (int i = 0; i < decisions.count; i++) {
		Id id = -decisions.elements[i];
		Solvable *s = find(pool, id);
		if (s && pool->installed && s->repo == pool->installed)
			queue_push(packages, id);
	}
	queue_free(&decisions);
}

static void describe(Solver *solver, Id rule, struct aril_rule *out)
{
	Id dependency = 0;
	out->source = out->target = 0;
	out->type = solver_ruleinfo(solver, rule, &out->source, &out->target, &dependency);
	out->dependency = dependency ? pool_dep2str(solver->pool, dependency) : "";
}

/* Why a package comes: 0 when it was asked for or nothing can be said. */
int aril_solver_reason(Solver *solver, Id id, struct aril_rule *out)
{
	Id info = 0;
	int reason = solver_describe_decision(solver, id, &info);
	if (!info || (reason != SOLVER_REASON_UNIT_RULE && reason != SOLVER_REASON_RESOLVE && reason != SOLVER_REASON_WEAKDEP))
		return 0;
	describe(solver, info, out);
	return 1;
}

/* The rules that make up a problem; numbers from 1. */
void aril_solver_problem_rules(Solver *solver, int problem, Queue *rules)
{
	solver_findallproblemrules(solver, problem, rules);
}

void aril_solver_rule(Solver *solver, Id rule, struct aril_rule *out)
{
	describe(solver, rule, out);
}

/* What is known of a package. */

Id aril_package_repo(Pool *pool, Id id)
{
	Solvable *s = find(pool, id);
	return s && s->repo ? s->repo->repoid : 0;
}

const char *aril_package_text(Pool *pool, Id id, const char *key)
{
	Solvable *s = find(pool, id);
	return s ? solvable_lookup_str(s, pool_str2id(pool, key, 1)) : NULL;
}

uint64_t aril_package_number(Pool *pool, Id id, const char *key)
{
	Solvable *s = find(pool, id);
	return s ? solvable_lookup_num(s, pool_str2id(pool, key, 1), 0) : 0;
}

const char *aril_package_location(Pool *pool, Id id)
{
	Solvable *s = find(pool, id);
	return s ? solvable_lookup_location(s, NULL) : NULL;
}

const char *aril_package_source(Pool *pool, Id id)
{
	Solvable *s = find(pool, id);
	return s ? solvable_lookup_sourcepkg(s) : NULL;
}

/* The digest of the whole file in hex, and the name of its function. */
const char *aril_package_checksum(Pool *pool, Id id, const char **function)
{
	Solvable *s = find(pool, id);
	Id type = 0;
	const char *value = s ? solvable_lookup_checksum(s, SOLVABLE_CHECKSUM, &type) : NULL;
	*function = value ? solv_chksum_type2str(type) : NULL;
	return value;
}

/* The paths of a package that begin with a text, as far as they are known. */
void aril_package_paths(Pool *pool, Id id, const char *start, void (*take)(void *, const char *), void *context)
{
	if (!find(pool, id))
		return;
	Dataiterator iterator;
	dataiterator_init(&iterator, pool, 0, id, SOLVABLE_FILELIST, start,
		SEARCH_STRINGSTART | SEARCH_FILES | SEARCH_COMPLETE_FILELIST);
	while (dataiterator_step(&iterator))
		take(context, iterator.kv.str);
	dataiterator_free(&iterator);
}

/* All packages of a repository. */
void aril_repo_packages(Pool *pool, Id repo_id, Queue *packages)
{
	Repo *repo = pool_id2repo(pool, repo_id);
	Id id;
	Solvable *s;
	FOR_REPO_SOLVABLES(repo, id, s)
		queue_push(packages, id);
}
