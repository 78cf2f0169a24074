package redraw

import "testing"

func TestOrientation(t *testing.T) {
	tiff := func(order string, tag ...byte) []byte {
		return append(append([]byte("\xff\xd8\xff\xe1\x00\x22Exif\x00\x00"+order), tag...), 0, 0, 0, 0)
	}
	for name, c := range map[string]struct {
		data []byte
		want int
	}{
		"none":            {[]byte("\xff\xd8\xff\xda"), 1},
		"empty":           {nil, 1},
		"big endian":      {tiff("MM\x00\x2a\x00\x00\x00\x08", 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 8, 0, 0, 0, 0), 8},
		"little endian":   {tiff("II\x2a\x00\x08\x00\x00\x00", 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0), 6},
		"senseless value": {tiff("MM\x00\x2a\x00\x00\x00\x08", 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 9, 0, 0, 0, 0), 1},
		"points outside":  {tiff("MM\x00\x2a\xff\xff\xff\xff", 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0), 1},
		"more entries":    {tiff("MM\x00\x2a\x00\x00\x00\x08", 0xff, 0xff, 1, 0x13, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0), 1},
	} {
		if got := orientation(c.data); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func FuzzPicture(f *testing.F) {
	f.Add([]byte("\xff\xd8\xff\xe1\x00\x22Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08"))
	f.Add([]byte("\x89PNG\r\n\x1a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if o := orientation(data); o < 1 || o > 8 {
			t.Errorf("orientation %d", o)
		}
		if copied, kind := Picture(t.Context(), data); (copied == nil) != (kind == "") {
			t.Errorf("%d bytes of %q", len(copied), kind)
		}
	})
}
