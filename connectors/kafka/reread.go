package kafka

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/columns"
)

// reread makes the decoder of the source's dead letters, which keep the values of
// records and may keep their keys, timestamps and headers. Their position tells
// topic, partition and offset; the other metadata is NULL.
func reread(formats format.Set, cfg connectors.SourceConfig, env connectors.Env) (connectors.Rereader, error) {
	l, err := newLayout(formats, cfg, env)
	if err != nil {
		return nil, err
	}
	value, ok := l.value.(format.Decoding)
	if !ok {
		return nil, fmt.Errorf("format '%s' can't read single records again", cfg.Options[catalog.FormatOption])
	}
	var keys *format.KeyColumns
	if l.key != nil {
		keys = &format.KeyColumns{Messages: l.key, Cols: l.keyCols}
	}
	return format.Reread(value, cfg, keys, func(c *columns.Column, i int, name string, r *connectors.Kept) {
		switch name {
		case metaKey:
			if r.Key != nil {
				c.PutBytes(i, r.Key)
			}
		case metaValue:
			c.PutBytes(i, r.Raw)
		case metaTime:
			if r.Timed {
				c.PutInt64(i, r.Timestamp)
			}
		case metaHeaders:
			if r.Headers != nil {
				list := make([]header, len(r.Headers))
				for k, h := range r.Headers {
					list[k] = header{[]byte(h.Key), h.Value}
				}
				putHeaders(c, i, list)
			}
		default:
			putPosition(c, i, name, r.Position)
		}
	})
}

// putPosition writes what a position tells.
func putPosition(c *columns.Column, i int, name, position string) {
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
}

// cutLast is strings.Cut at the last separator.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
