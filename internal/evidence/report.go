package evidence

import "time"

// Report is the numbers of a period.
type Report struct {
	Period                   Period
	MadeAt                   time.Time
	Inbound, Outbound, Notes int64 // communications
}
