package debezium

import (
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/format/columns"
	"github.com/streamsql/streamsql/connectors/format/json"
	"github.com/streamsql/streamsql/connectors/format/ndjson"
)

// The metadata columns, named as Flink names them.
const (
	metaSchema     = "schema"
	metaTime       = "ingestion-timestamp"
	metaSourceTime = "source.timestamp"
	metaDatabase   = "source.database"
	metaDBSchema   = "source.schema"
	metaTable      = "source.table"
	metaProperties = "source.properties"
)

func metadataColumns() []catalog.MetadataColumn {
	return []catalog.MetadataColumn{
		{Name: metaTime, Type: catalog.TimestampLTZ3, Doc: "When the connector processed the change (member ts_ms)."},
		{Name: metaSourceTime, Type: catalog.TimestampLTZ3, Doc: "When the change was made in the database (source.ts_ms)."},
		{Name: metaDatabase, Type: catalog.String, Doc: "The database (source.db)."},
		{Name: metaDBSchema, Type: catalog.String, Doc: "The schema in it (source.schema)."},
		{Name: metaTable, Type: catalog.String, Doc: "The table (source.table, else source.collection)."},
		{Name: metaProperties, Type: catalog.MapOf(catalog.String, catalog.String), Doc: "All members of source, as texts."},
		{Name: metaSchema, Type: catalog.String, Doc: "The schema of the payload, as JSON, if the record has one ('schema-include')."},
	}
}

// sourceMembers are the members of source, of the record at hand once they are known.
type sourceMembers struct {
	known  bool
	finder *json.Members
	found  [5]json.Range
}

const (
	sourceTime = iota
	sourceDatabase
	sourceSchema
	sourceTable
	sourceCollection
)

// member gives a member of source; it is not there if source is no object.
func (d *decoder) member(buf []byte, i int) json.Range {
	s := &d.source
	if s.finder == nil {
		s.finder = json.NewMembers("ts_ms", "db", "schema", "table", "collection")
	}
	if !s.known {
		s.known = true
		if !d.found[inSource].Found() || !s.finder.Find(buf, d.found[inSource], s.found[:]) {
			clear(s.found[:])
		}
	}
	return s.found[i]
}

// Put implements ndjson.Around.
func (d *decoder) Put(c *columns.Column, i int, name string, buf []byte) {
	text := func(at json.Range) { ndjson.PutText(c, i, d.inner, buf, at) }
	switch name {
	case metaTime:
		ndjson.PutMillis(c, i, buf, d.found[inTime])
	case metaSourceTime:
		ndjson.PutMillis(c, i, buf, d.member(buf, sourceTime))
	case metaDatabase:
		text(d.member(buf, sourceDatabase))
	case metaDBSchema:
		text(d.member(buf, sourceSchema))
	case metaTable:
		if at := d.member(buf, sourceTable); !ndjson.IsNull(buf, at) {
			text(at)
			return
		}
		text(d.member(buf, sourceCollection))
	case metaProperties:
		ndjson.PutMap(c, i, d.inner, buf, d.found[inSource], func(c *columns.Column, i int, v json.Range) { ndjson.PutText(c, i, d.inner, buf, v) })
	case metaSchema:
		if d.schema {
			text(d.envelope[1])
		}
	}
}
