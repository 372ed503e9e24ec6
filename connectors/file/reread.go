package file

import (
	"path"
	"strconv"
	"strings"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/columns"
)

// reread makes the decoder of the source's dead letters. Their position tells the
// file and the line; what else was known of the file is NULL.
func reread(formats format.Set, cfg connectors.SourceConfig) (connectors.Rereader, error) {
	d, err := formats.NewDecoding(cfg, 0)
	if err != nil {
		return nil, err
	}
	return format.Reread(d, cfg, nil, func(c *columns.Column, i int, name string, r *connectors.Kept) {
		position := r.Position
		at := strings.LastIndexByte(position, ':')
		if at < 0 {
			return
		}
		switch name {
		case metaPath:
			c.PutBytes(i, []byte(position[:at]))
		case metaName:
			c.PutBytes(i, []byte(path.Base(position[:at])))
		case metaLine:
			if line, err := strconv.ParseInt(position[at+1:], 10, 64); err == nil {
				c.PutInt64(i, line)
			}
		}
	})
}
