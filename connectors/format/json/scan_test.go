package json

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestScan compares the scans in blocks and words with one byte by byte, at
// every length and alignment.
func TestScan(t *testing.T) {
	copies := map[string]func(dst []byte, n int, b []byte, p int) (int, uint32){"words": copyPlainWords}
	if hasAVX2 {
		copies["blocks"] = func(dst []byte, n int, b []byte, p int) (int, uint32) {
			return copyPlainAVX2(pointer(dst, n), pointer(b, p), len(b)-p)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	alphabet := []byte("abcdefghijklmnopqrstuvwxyzABCDEFG !#$%&[]^\x7f\x80\xc3\xffé")
	odd := []byte("\"\\\x00\x01\n\x1f")
	for range 20000 {
		start, size := random.IntN(40), 1+random.IntN(100)
		buf := make([]byte, start+size+padding)
		for i := range buf {
			buf[i] = alphabet[random.IntN(len(alphabet))]
		}
		for range random.IntN(3) {
			buf[start+random.IntN(size+padding)] = odd[random.IntN(len(odd))]
		}
		if random.IntN(2) == 0 { // ASCII only
			for i := range buf {
				buf[i] &= 0x7f
			}
		}
		b := buf[:start+size]
		want, high := 0, false
		for want < size && b[start+want] >= ' ' && b[start+want] != '"' && b[start+want] != '\\' {
			high = high || b[start+want] >= 0x80
			want++
		}
		for name, scan := range copies {
			dst := make([]byte, 3+size+stringSlack)
			got, gotHigh := scan(dst, 3, b, start)
			if min(got, size) != want || want < size && (gotHigh != 0) != high {
				t.Fatalf("copy by %s of %q: %d, %d; want %d, %v", name, b[start:], got, gotHigh, want, high)
			}
			if !bytes.Equal(dst[3:3+want], b[start:start+want]) {
				t.Fatalf("copy by %s of %q gives %q", name, b[start:], dst[3:3+want])
			}
		}
		if got := indexSpecial(b, start); min(got, start+size) != start+want {
			t.Fatalf("special byte of %q: %d, want %d", b[start:], got-start, want)
		}
		quote := bytes.IndexAny(b[start:], "\"\n")
		if quote < 0 {
			quote = size
		}
		for name, scan := range map[string]func(b []byte, p int) int{"blocks": indexQuote, "library": indexQuoteBytes} {
			if got := scan(b, start); min(got, start+size) != start+quote {
				t.Fatalf("quote by %s of %q: %d, want %d", name, b[start:], got-start, quote)
			}
		}
	}
}
