// Package extract reads from the log what a period needs: which entries there
// are under the signed root, what every record said at the period's end, and
// the documents behind them, opened against their commitments and redacted for
// those who are to see them (CC4.1). Nothing is taken from a table where the log
// can say it; what is missing or altered is a *ledger.Mismatch that names it.
package extract
