// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of the spending app for pages: a bundler takes it in place of index.ts.

export { SPEND_CLASSES, SPEND_ORIGINS } from './features.ts'
