package api

import "context"

// reporterReceipt is what staff hand to who reported something: the proof of it.
func (d *door) reporterReceipt(ctx context.Context, in *InCase) (*plainOut, error) {
	r, err := d.Receipts.ForStaff(ctx, in.Case)
	if err != nil {
		return nil, err
	}
	return plain(r.Text), nil
}
