// SPDX-License-Identifier: GPL-3.0-or-later
// The door of the services room for pages: a bundler takes it in place of index.ts. It names only what needs no Node.

export { inferTable } from './table.ts'
