package timejoin

// bucketPart is the rows of a batch that go into one bucket.
type bucketPart struct {
	bucket int64
	sel    []int32
}

// addPart adds row i of a batch to those of its bucket. A batch has few buckets.
func addPart(parts []bucketPart, bucket int64, i int32) []bucketPart {
	for k := len(parts) - 1; k >= 0; k-- {
		if p := &parts[k]; p.bucket == bucket {
			p.sel = append(p.sel, i)
			return parts
		}
	}
	if n := len(parts); n < cap(parts) {
		// The memory of an earlier batch's part is used again.
		parts = parts[:n+1]
		p := &parts[n]
		p.bucket, p.sel = bucket, append(p.sel[:0], i)
		return parts
	}
	return append(parts, bucketPart{bucket, []int32{i}})
}
