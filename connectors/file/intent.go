package file

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/streamsql/streamsql/internal/cursor"
)

// intentFile is one file in a commit's intent.
type intentFile struct {
	name    string // its final name
	length  int64  // the bytes that are committed
	rolled  bool   // it is finished: to be shown
	created int64  // ms since 1970
}

const intentVersion = 1

// encodeIntent: version, number of files, each: rolled (0, 1), uvarint length,
// varint created, uvarint length of name, name.
func encodeIntent(files []intentFile) []byte {
	if len(files) == 0 {
		return nil
	}
	b := binary.AppendUvarint([]byte{intentVersion}, uint64(len(files)))
	for _, f := range files {
		rolled := byte(0)
		if f.rolled {
			rolled = 1
		}
		b = append(b, rolled)
		b = binary.AppendUvarint(b, uint64(f.length))
		b = binary.AppendVarint(b, f.created)
		b = binary.AppendUvarint(b, uint64(len(f.name)))
		b = append(b, f.name...)
	}
	return b
}

var errIntent = errors.New("damaged intent of a file sink")

func decodeIntent(b []byte) ([]intentFile, error) {
	if len(b) == 0 {
		return nil, nil
	}
	if b[0] != intentVersion {
		return nil, fmt.Errorf("intent of a file sink has version %d, this program knows %d", b[0], intentVersion)
	}
	r := cursor.Reader{Rest: b[1:]}
	files := make([]intentFile, r.Count(4))
	for i := range files {
		rolled := r.Bytes(1)
		files[i].rolled = len(rolled) == 1 && rolled[0] == 1
		files[i].length = int64(r.Uvarint())
		files[i].created = r.Varint()
		files[i].name = string(r.Bytes(r.Uvarint()))
	}
	if r.End() != nil {
		return nil, errIntent
	}
	return files, nil
}

// fileStamp is how names of files begin after "part-", so that they sort by time.
const fileStamp = "20060102T150405.000"

// fileName names a file begun at a time in an epoch: no two files of a sink
// have the same time. id stands for the job and the sink.
func fileName(created time.Time, id string, epoch uint64, suffix string) string {
	return fmt.Sprintf("part-%s-%s-%d%s", created.UTC().Format(fileStamp), id, epoch, suffix)
}

// parseFileName takes a name apart, hidden or not; ok: it is one of sink id.
func parseFileName(name, id string) (created time.Time, epoch uint64, ok bool) {
	rest, ok := strings.CutPrefix(strings.TrimPrefix(name, "."), "part-")
	if !ok || len(rest) < len(fileStamp) {
		return created, 0, false
	}
	created, err := time.ParseInLocation(fileStamp, rest[:len(fileStamp)], time.UTC)
	if err != nil {
		return created, 0, false
	}
	rest, ok = strings.CutPrefix(rest[len(fileStamp):], "-"+id+"-")
	if !ok {
		return created, 0, false
	}
	digits := strings.TrimLeft(rest, "0123456789")
	_, err = fmt.Sscanf(rest[:len(rest)-len(digits)], "%d", &epoch)
	return created, epoch, err == nil
}
