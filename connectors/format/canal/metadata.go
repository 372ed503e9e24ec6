package canal

import (
	"strconv"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/format/columns"
	"github.com/streamsql/streamsql/connectors/format/json"
	"github.com/streamsql/streamsql/connectors/format/ndjson"
)

// The metadata columns, named as Flink names them.
const (
	metaDatabase  = "database"
	metaTable     = "table"
	metaTypes     = "sql-type"
	metaKeys      = "pk-names"
	metaTime      = "ingestion-timestamp"
	metaEventTime = "event-timestamp"
)

func metadataColumns() []catalog.MetadataColumn {
	return []catalog.MetadataColumn{
		{Name: metaDatabase, Type: catalog.String, Doc: "The database (member database)."},
		{Name: metaTable, Type: catalog.String, Doc: "The table (member table)."},
		{Name: metaTypes, Type: catalog.MapOf(catalog.String, catalog.Int), Doc: "The numbers that JDBC has for the types of the columns (sqlType)."},
		{Name: metaKeys, Type: catalog.ArrayOf(catalog.String), Doc: "The columns of the primary key (pkNames)."},
		{Name: metaTime, Type: catalog.TimestampLTZ3, Doc: "When Canal processed the change (ts)."},
		{Name: metaEventTime, Type: catalog.TimestampLTZ3, Doc: "When the change was made in the database (es)."},
	}
}

// Put implements ndjson.Around.
func (d *decoder) Put(c *columns.Column, i int, name string, buf []byte) {
	switch name {
	case metaDatabase:
		ndjson.PutText(c, i, d.members, buf, d.found[database])
	case metaTable:
		ndjson.PutText(c, i, d.members, buf, d.found[table])
	case metaTypes:
		ndjson.PutMap(c, i, d.members, buf, d.found[sqlType], func(c *columns.Column, i int, v json.Range) {
			if n, err := strconv.ParseInt(string(v.Of(buf)), 10, 32); err == nil {
				c.PutInt32(i, int32(n))
			}
		})
	case metaKeys:
		ndjson.PutTexts(c, i, d.members, buf, d.found[pkNames])
	case metaTime:
		ndjson.PutMillis(c, i, buf, d.found[sentAt])
	case metaEventTime:
		ndjson.PutMillis(c, i, buf, d.found[changedAt])
	}
}
