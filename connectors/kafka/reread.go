package kafka

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/columns"
)

// reread makes the decoder of the source's dead letters, which keep the values of
// records. Their position tells topic, partition and offset; the other metadata is
// NULL.
func reread(formats format.Set, cfg connectors.SourceConfig, env connectors.Env) (connectors.Rereader, error) {
	if cfg.Options[optValueFields] == "EXCEPT_KEY" {
		for _, f := range keyFields(cfg.Options) {
			if slices.ContainsFunc(cfg.Columns, func(c connectors.ScanColumn) bool { return c.Name == f }) {
				return nil, fmt.Errorf("column '%s' is in the key of records, which dead letters don't keep", f)
			}
		}
	}
	f, dc, err := formats.ConfigOf(cfg, 0)
	if err != nil {
		return nil, err
	}
	dc.Env, dc.Subject = env, subject(cfg.Options)
	d, err := formats.Decode(f.Spec.Name, dc)
	if err != nil {
		return nil, err
	}
	return format.Reread(d, cfg, func(c *columns.Column, i int, name, position string) {
		topic, rest, ok := cutLast(position, "/")
		partition, offset, ok2 := strings.Cut(rest, "@")
		if !ok || !ok2 {
			return
		}
		switch name {
		case metaTopic:
			c.PutBytes(i, []byte(topic))
		case metaPartition:
			if n, err := strconv.ParseInt(partition, 10, 32); err == nil {
				c.PutInt32(i, int32(n))
			}
		case metaOffset:
			if n, err := strconv.ParseInt(offset, 10, 64); err == nil {
				c.PutInt64(i, n)
			}
		}
	})
}

// cutLast is strings.Cut at the last separator.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
