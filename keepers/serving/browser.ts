// SPDX-License-Identifier: GPL-3.0-or-later
// The door of the serving room for pages: a bundler takes it in place of index.ts. A page asks; it answers nobody.

export { answersIn, readJob } from './job-state.ts'
export { readScore } from './output-schema.ts'
export { prepareInput } from './payload.ts'
export { commitRounded, prepareSegment } from './prepare-segment.ts'
export { postRequest, readRequest, refundRequest, withdrawBalance } from './requester.ts'
