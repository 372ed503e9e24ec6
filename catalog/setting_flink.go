package catalog

import (
	"slices"
	"strings"
)

// flinkPrefixes are the families of Flink's settings that are about its
// processes, its shell and its storage: none of them can mean anything here.
var flinkPrefixes = []string{
	"sql-client.", "taskmanager.", "jobmanager.", "restart-strategy.", "rest.", "metrics.", "yarn.",
	"kubernetes.", "cluster.", "high-availability.", "security.", "state.backend.", "state.checkpoints.",
	"state.savepoints.", "client.", "env.", "akka.", "pekko.", "web.", "blob.", "heartbeat.",
}

// flinkKeys are settings of Flink's planner and runtime without a counterpart.
// They are listed one by one, so that a slip in one that does have a
// counterpart is still found.
var flinkKeys = []string{
	"execution.runtime-mode", "execution.target", "execution.attached", "execution.buffer-timeout",
	"execution.buffer-timeout.interval", "execution.savepoint.path", "execution.state-recovery.path",
	"execution.batch-shuffle-mode", "execution.batch.adaptive.auto-parallelism.enabled",
	"execution.checkpointing.mode", "execution.checkpointing.timeout", "execution.checkpointing.min-pause",
	"execution.checkpointing.max-concurrent-checkpoints", "execution.checkpointing.unaligned",
	"execution.checkpointing.unaligned.enabled", "execution.checkpointing.incremental",
	"execution.checkpointing.dir", "execution.checkpointing.storage", "execution.checkpointing.num-retained",
	"execution.checkpointing.tolerable-failed-checkpoints",
	"execution.checkpointing.externalized-checkpoint-retention",
	"execution.checkpointing.checkpoints-after-tasks-finish.enabled",
	"pipeline.auto-watermark-interval", "pipeline.max-parallelism", "pipeline.object-reuse",
	"pipeline.operator-chaining", "pipeline.operator-chaining.enabled", "pipeline.jars", "pipeline.classpaths",
	"pipeline.generic-types", "pipeline.watermark-alignment.allow-unaligned-source-splits",
	"parallelism.max", "restart-strategy", "state.backend", "state.checkpoint-storage", "table.dml-sync",
	"table.plan.compile.catalog-objects", "table.plan.restore.catalog-objects", "table.sql-dialect",
	"table.builtin-catalog-name", "table.builtin-database-name", "table.generated-code.max-length",
	"table.dynamic-table-options.enabled",
	"table.exec.mini-batch.enabled", "table.exec.mini-batch.allow-latency", "table.exec.mini-batch.size",
	"table.exec.async-lookup.buffer-capacity", "table.exec.async-lookup.timeout",
	"table.exec.async-lookup.output-mode", "table.exec.disabled-operators", "table.exec.legacy-cast-behaviour",
	"table.exec.rank.topn-cache-size", "table.exec.resource.default-parallelism",
	"table.exec.simplify-operator-name-enabled", "table.exec.sink.keyed-shuffle",
	"table.exec.sink.not-null-enforcer", "table.exec.sink.rowtime-inserter",
	"table.exec.sink.type-length-enforcer", "table.exec.sink.upsert-materialize",
	"table.exec.sort.default-limit", "table.exec.sort.max-num-file-handles", "table.exec.source.cdc-events-duplicate",
	"table.exec.spill-compression.enabled", "table.exec.spill-compression.block-size",
	"table.exec.uid.format", "table.exec.uid.generation", "table.exec.window-agg.buffer-size-limit",
	"table.exec.deduplicate.insert-update-after-sensitive-enabled",
	"table.exec.deduplicate.mini-batch.compact-changes-enabled",
	"table.optimizer.agg-phase-strategy", "table.optimizer.bushy-join-reorder-threshold",
	"table.optimizer.distinct-agg.split.enabled", "table.optimizer.distinct-agg.split.bucket-num",
	"table.optimizer.dynamic-filtering.enabled", "table.optimizer.incremental-agg-enabled",
	"table.optimizer.join-reorder-enabled", "table.optimizer.join.broadcast-threshold",
	"table.optimizer.multiple-input-enabled", "table.optimizer.non-deterministic-update.strategy",
	"table.optimizer.reuse-sink-enabled", "table.optimizer.reuse-source-enabled",
	"table.optimizer.reuse-sub-plan-enabled", "table.optimizer.reuse-optimize-block-with-digest-enabled",
	"table.optimizer.runtime-filter.enabled", "table.optimizer.source.report-statistics-enabled",
	"table.optimizer.source.predicate-pushdown-enabled", "table.optimizer.source.aggregate-pushdown-enabled",
	"table.optimizer.union-all-as-breakpoint-enabled", "table.optimizer.delta-join.strategy",
	"table.optimizer.multi-join.enabled",
}

// flinkOnly says whether a key is a setting of Flink without a counterpart.
func flinkOnly(key string) bool {
	k := strings.ToLower(key)
	return slices.Contains(flinkKeys, k) || slices.ContainsFunc(flinkPrefixes, func(p string) bool { return strings.HasPrefix(k, p) })
}
