// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of the serving room for pages: a bundler takes it in place of index.ts. A page only asks; it never answers.

export { answersIn, readJob } from './job-state.ts'
export { readScore } from './output-schema.ts'
export { prepareInput } from './payload.ts'
export { commitRounded, prepareSegment } from './prepare-segment.ts'
export { postRequest, readRequest, refundRequest, withdrawBalance } from './requester.ts'
