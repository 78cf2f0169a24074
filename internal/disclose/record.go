package disclose

// Disclosure is what the record of a package says of a part of it that was let
// out (CC2.3, C1.1). Who did so, and when, is said by its entry.
type Disclosure struct {
	Case    string  `json:"case"` // tracking number
	To      string  `json:"to"`   // for whom it is
	Reason  string  `json:"reason"`
	WithRaw bool    `json:"with_raw"`
	Shown   []Shown `json:"shown"`  // nothing else is, but for what every package needs
	SHA256  string  `json:"sha256"` // hex, of the file that left
	Bytes   int64   `json:"bytes"`  // of it
}

// Shown is what of one entry's document was shown.
type Shown struct {
	Entry  int64    `json:"entry"`
	Fields []string `json:"fields"`
}
