package kafka

import (
	"fmt"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/kafka/wire"
)

// NewClient makes a client of the options of a connection, 'properties.*' as they
// stand in a WITH clause; files that they name are relative to dir. It connects
// when it is used. The error is a *catalog.OptionError where an option is wrong.
func NewClient(given map[string]string, dir string) (*wire.Client, error) {
	for name := range given {
		if !strings.HasPrefix(name, "properties.") {
			return nil, &catalog.OptionError{Option: name, Message: fmt.Sprintf("option '%s' is not one of a connection", name)}
		}
	}
	spec := &catalog.ConnectorSpec{Name: "kafka", Options: connectionOptions(), Source: &catalog.SourceSpec{}}
	o, errs := catalog.CheckOptions(spec, nil, given, true)
	if len(errs) > 0 {
		return nil, &errs[0]
	}
	if err := checkConnection(o); err != nil {
		return nil, err
	}
	return newClient(o, connectors.Env{Dir: dir})
}
