package rechargefake

import "testing"

// BenchmarkObjects makes a store of 20,000 objects and every object's bytes.
func BenchmarkObjects(b *testing.B) {
	for b.Loop() {
		fake, err := New(Options{Objects: 20_000})
		if err != nil {
			b.Fatal(err)
		}
		size := 0
		for _, k := range fake.world.kinds {
			raws, err := fake.Objects(k.name)
			if err != nil {
				b.Fatal(err)
			}
			for _, raw := range raws {
				size += len(raw)
			}
		}
		b.SetBytes(int64(size))
	}
}
