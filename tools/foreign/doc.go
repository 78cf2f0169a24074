// Package foreign measures Countersign's ledger beside a log that is not ours,
// and has tools that are not ours check what we serve. It is a module of its
// own, so that what those need is no dependency of the product.
package foreign
