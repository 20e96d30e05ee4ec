// SPDX-License-Identifier: GPL-3.0-or-later
// Reads the text of a table's file, and its header and rows by RFC 4180.
import { LearningError } from '../errors.ts'

export type Row = { readonly line: number; readonly fields: string[] }

const NEWLINE = 0x0a
/** Spreadsheets are ZIP archives, whatever their name ends in. */
const ZIP = 'PK\x03\x04'
const UTF_16 = ['\xff\xfe', '\xfe\xff']

/**
 * The text of a file in UTF-8. Other encodings are refused, because a wrong decoding could make two names equal.
 * @throws LearningError BAD_DATA naming file and line, and the fix
 */
export function tableText(bytes: Uint8Array, name: string): string {
  const bad = (what: string): never => {
    throw new LearningError('BAD_DATA', `${name}${what}`)
  }
  const start = Buffer.from(bytes.subarray(0, ZIP.length)).toString('latin1')
  if (start === ZIP) bad(': a ZIP archive, as spreadsheets are: save the sheet as CSV in UTF-8')
  if (UTF_16.some((mark) => start.startsWith(mark))) bad(': text in UTF-16: save it as UTF-8')
  const text = decoded(bytes) ?? bad(`:${firstOther(bytes)}: not text in UTF-8: save the file as UTF-8`)
  const nul = text.indexOf('\0')
  if (nul >= 0) {
    const line = text.slice(0, nul).split('\n').length
    bad(`:${line}: a NUL character: not text, or text in UTF-16: save the file as text in UTF-8`)
  }
  return text
}

function decoded(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return null
  }
}

/** The first line that is not UTF-8; no character but a line's end has its byte. */
function firstOther(bytes: Uint8Array): number {
  let line = 1
  for (let from = 0; from < bytes.length; line++) {
    const end = bytes.indexOf(NEWLINE, from)
    const to = end < 0 ? bytes.length : end
    if (decoded(bytes.subarray(from, to)) === null) return line
    from = to + 1
  }
  return line
}

/**
 * Quoted fields may hold delimiters, doubled quotes and line breaks. Lines end with LF, CRLF or CR. Blank lines are skipped.
 * @throws LearningError BAD_DATA naming file and line
 */
export function readRows(text: string, delimiter: string, name: string): Row[] {
  const rows: Row[] = []
  let fields: string[] = []
  let field = ''
  let quoted = false
  let closed = false
  let line = 1
  let start = 1
  const source = withoutMark(text)
  const endField = () => {
    fields.push(field)
    field = ''
    closed = false
  }
  const endRow = () => {
    const blank = fields.length === 0 && field === '' && !closed
    endField()
    if (!blank) rows.push({ line: start, fields })
    fields = []
    start = line
  }
  for (let i = 0; i < source.length; i++) {
    const char = source[i]!
    const lineEnds = char === '\n' || (char === '\r' && source[i + 1] !== '\n')
    if (lineEnds) line++
    if (quoted) {
      if (char !== '"') field += char
      else if (source[i + 1] === '"') {
        field += '"'
        i++
      } else {
        quoted = false
        closed = true
      }
    } else if (lineEnds) endRow()
    else if (char === '\r') continue
    else if (char === delimiter) endField()
    else if (closed) {
      throw new LearningError(
        'BAD_DATA',
        `${name}:${line}: ${JSON.stringify(char)} after the end of a quoted field: a quote within one is doubled ("")`,
      )
    } else if (char === '"' && field === '') quoted = true
    else field += char
  }
  if (quoted) throw new LearningError('BAD_DATA', `${name}:${start}: a quoted field is never closed`)
  endRow()
  return rows
}

/** The one of these delimiters that divides the first row most; those within quotes divide nothing. */
export function dividerOf(text: string, delimiters: readonly string[]): string {
  const source = withoutMark(text)
  const counts = new Map(delimiters.map((delimiter) => [delimiter, 0]))
  let quoted = false
  // No regular expression: one over a line of megabytes exhausts the stack.
  for (let i = 0; i < source.length; i++) {
    const char = source[i]!
    if (char === '"') quoted = !quoted
    if (quoted) continue
    if (char === '\n' || char === '\r') break
    const count = counts.get(char)
    if (count !== undefined) counts.set(char, count + 1)
  }
  return [...delimiters].sort((a, b) => counts.get(b)! - counts.get(a)!)[0]!
}

/** Column names as the first row has them, without spaces around them. */
export function headerOf(row: Row): string[] {
  return row.fields.map((field) => field.trim())
}

/** Where a column stands. @throws LearningError BAD_DATA where it does not, or twice */
export function columnAt(header: readonly string[], column: string, name: string): number {
  const at = header.indexOf(column)
  if (at < 0)
    throw new LearningError('BAD_DATA', `${name}: no column '${column}'; the columns are ${header.join(', ')}`)
  const again = header.indexOf(column, at + 1)
  if (again >= 0) {
    throw new LearningError(
      'BAD_DATA',
      `${name}: column '${column}' is there twice, as ${at + 1} and ${again + 1}: rename one in the first line`,
    )
  }
  return at
}

function withoutMark(text: string): string {
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
}
