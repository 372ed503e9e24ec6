package statestore

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cockroachdb/errors/oserror"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/zeebo/xxh3"
)

// FormatVersion is the version of the layout on disk that this package writes,
// and the newest that it reads.
const FormatVersion = 1

const (
	formatName = "FORMAT" // text: magic, version, identity, checksum
	headName   = "HEAD"   // two slots with the newest epoch known durable
	logName    = "log"    // the Pebble directory
	tmpName    = "tmp"    // SSTs under construction
	lockName   = "LOCK"

	formatMagic = "streamsql state"
	headSlot    = 16
	categoryLog = vfs.DiskWriteCategory("statestore")
)

// writeFormat makes the FORMAT file, durably and atomically. It is written last
// when a store is created, so that a directory without it holds nothing yet.
func writeFormat(fs vfs.FS, dir string, version int, id string) error {
	body := fmt.Sprintf("%s\nversion %d\nid %s\n", formatMagic, version, id)
	text := fmt.Sprintf("%ssum %016x\n", body, xxh3.HashString(body))
	return writeAtomically(fs, dir, formatName, []byte(text))
}

// writeAtomically makes a file so that after a crash it is there in full or not
// at all.
func writeAtomically(fs vfs.FS, dir, name string, content []byte) error {
	tmp := fs.PathJoin(dir, name+".tmp")
	f, err := fs.Create(tmp, categoryLog)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := fs.Rename(tmp, fs.PathJoin(dir, name)); err != nil {
		return err
	}
	return syncDir(fs, dir)
}

// readFormat returns the identity of the store in dir, and false if there is no
// store yet.
func readFormat(fs vfs.FS, dir string) (id string, exists bool, err error) {
	text, err := readFile(fs, fs.PathJoin(dir, formatName))
	if oserror.IsNotExist(err) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("statestore: %w", err)
	}
	damaged := func(err error) error {
		return &DamageError{Dir: dir, What: "file " + formatName, Err: err}
	}
	body, sum, ok := strings.Cut(string(text), "sum ")
	var version int
	var magic string
	lines := strings.Split(body, "\n")
	if len(lines) >= 2 {
		magic = lines[0]
		_, err = fmt.Sscanf(lines[1], "version %d", &version)
	}
	if !ok || magic != formatMagic || err != nil || sum != fmt.Sprintf("%016x\n", xxh3.HashString(body)) {
		return "", false, damaged(errors.New("checksum or syntax"))
	}
	if version > FormatVersion {
		return "", false, &VersionError{Dir: dir, Found: version, Supported: FormatVersion}
	}
	if len(lines) != 4 || !strings.HasPrefix(lines[2], "id ") {
		return "", false, damaged(errors.New("no identity"))
	}
	return lines[2][len("id "):], true, nil
}

// newID makes a random identity in the form of an RFC 9562 version 4 UUID.
func newID(rand io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return "", fmt.Errorf("statestore: making an identity: %w", err)
	}
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], nil
}

// head is the guard against silent loss of the newest commits. Pebble can't tell
// damage at the end of its manifest or log from the torn tail of a crash and
// drops it; so the epoch is also noted here, after it became durable there.
// Writes alternate between two slots and are not synced: after a power failure
// the note may be old, which only weakens the guard, and never ahead.
type head struct {
	f    vfs.File
	slot int64
}

func createHead(fs vfs.FS, dir string) error {
	return writeAtomically(fs, dir, headName, append(headBytes(0), headBytes(0)...))
}

func headBytes(epoch uint64) []byte {
	b := binary.BigEndian.AppendUint64(nil, epoch)
	return binary.BigEndian.AppendUint64(b, xxh3.Hash(b))
}

// openHead returns the guard and the epoch it notes.
func openHead(fs vfs.FS, dir string) (h *head, epoch uint64, err error) {
	path := fs.PathJoin(dir, headName)
	b, err := readFile(fs, path)
	if err != nil {
		if oserror.IsNotExist(err) {
			return nil, 0, &DamageError{Dir: dir, What: "file " + headName, Err: err}
		}
		return nil, 0, fmt.Errorf("statestore: %w", err)
	}
	newest := -1
	for i := range 2 {
		if len(b) != 2*headSlot {
			break
		}
		s := b[i*headSlot : (i+1)*headSlot]
		if xxh3.Hash(s[:8]) != binary.BigEndian.Uint64(s[8:]) {
			continue
		}
		if e := binary.BigEndian.Uint64(s); newest < 0 || e > epoch {
			newest, epoch = i, e
		}
	}
	if newest < 0 {
		return nil, 0, &DamageError{Dir: dir, What: "file " + headName, Err: errors.New("no slot has a valid checksum")}
	}
	f, err := fs.OpenReadWrite(path, categoryLog)
	if err != nil {
		return nil, 0, fmt.Errorf("statestore: %w", err)
	}
	return &head{f: f, slot: int64(1 - newest)}, epoch, nil
}

func (h *head) set(epoch uint64) error {
	if _, err := h.f.WriteAt(headBytes(epoch), h.slot*headSlot); err != nil {
		return err
	}
	h.slot = 1 - h.slot
	return nil
}

func readFile(fs vfs.FS, path string) ([]byte, error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	return b, errors.Join(err, f.Close())
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}
