// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of the services room for pages: a bundler takes it in place of index.ts. It exports only what needs no Node.

export { inferTable } from './table.ts'
