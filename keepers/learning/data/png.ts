// SPDX-License-Identifier: GPL-3.0-or-later
// A decoder for the images people keep training data in: PNG (8-bit grey, RGB, palette, with or without alpha; not
// interlaced) and binary PGM/PPM.
import { crc32, inflateSync } from 'node:zlib'
import { LearningError } from '../errors.ts'

/** Rows of `channels` (1 grey or 3 RGB) bytes per pixel. Alpha is dropped. */
export type Picture = {
  readonly width: number
  readonly height: number
  readonly channels: 1 | 3
  readonly pixels: Uint8Array
}

const PNG_MAGIC = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
const LARGEST_SIDE = 4096
/** Samples per pixel in the file, by PNG colour type. */
const SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }

/** Throws BAD_DATA with the file and the defect or unsupported feature. */
export function decodePicture(bytes: Uint8Array, name: string): Picture {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (buffer.subarray(0, 8).equals(PNG_MAGIC)) return decodePng(buffer, name)
  if (buffer[0] === 0x50 && (buffer[1] === 0x35 || buffer[1] === 0x36)) return decodeNetpbm(buffer, name)
  throw new LearningError('BAD_DATA', `${name}: neither PNG nor binary PGM/PPM: convert it, or take it out`)
}

function decodePng(buffer: Buffer, name: string): Picture {
  const refuse = (message: string) => new LearningError('BAD_DATA', `${name}: ${message}`)
  let at = 8
  let header: Buffer | null = null
  let palette: Buffer | null = null
  const data: Buffer[] = []
  for (;;) {
    if (at + 12 > buffer.length) throw refuse('truncated PNG')
    const length = buffer.readUInt32BE(at)
    const kind = buffer.toString('latin1', at + 4, at + 8)
    if (at + 12 + length > buffer.length) throw refuse(`truncated PNG, in chunk ${kind}`)
    const body = buffer.subarray(at + 8, at + 8 + length)
    if (crc32(buffer.subarray(at + 4, at + 8 + length)) !== buffer.readUInt32BE(at + 8 + length)) {
      throw refuse(`damaged PNG: the checksum of chunk ${kind} is wrong`)
    }
    if (kind === 'IHDR') header = body
    else if (kind === 'PLTE') palette = body
    else if (kind === 'IDAT') data.push(body)
    else if (kind === 'IEND') break
    at += 12 + length
  }
  if (header === null || header.length !== 13) throw refuse('PNG without a header')
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)]
  const [depth, colour, , , interlace] = header.subarray(8) as unknown as [number, number, number, number, number]
  checkSides(width, height, refuse)
  const samples = SAMPLES[colour]
  if (depth !== 8 || samples === undefined) throw refuse(`PNG of ${depth} bits, colour type ${colour}; only 8 bits`)
  if (interlace !== 0) throw refuse('interlaced PNG is not supported; save it without interlacing')
  if (colour === 3 && palette === null) throw refuse('PNG with colour type 3 but no palette')
  const stride = width * samples
  let raw: Buffer
  try {
    raw = inflateSync(Buffer.concat(data), { maxOutputLength: height * (stride + 1) })
  } catch (cause) {
    throw new LearningError('BAD_DATA', `${name}: damaged PNG data: save it again, or take it out`, { cause })
  }
  if (raw.length !== height * (stride + 1))
    throw refuse(`PNG data of ${raw.length} bytes, expected ${height * (stride + 1)}`)
  const rows = unfilter(raw, height, stride, samples, refuse)
  const channels = colour === 0 || colour === 4 ? 1 : 3
  const pixels = new Uint8Array(width * height * channels)
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < channels; c++) {
      pixels[i * channels + c] = colour === 3 ? (palette![rows[i]! * 3 + c] ?? 0) : rows[i * samples + c]!
    }
  }
  return { width, height, channels, pixels }
}

/** Undoes the five scanline filters of the PNG specification, section 9. */
function unfilter(
  raw: Buffer,
  height: number,
  stride: number,
  samples: number,
  refuse: (message: string) => LearningError,
): Uint8Array {
  const rows = new Uint8Array(height * stride)
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)]!
    for (let x = 0; x < stride; x++) {
      const value = raw[y * (stride + 1) + 1 + x]!
      const left = x >= samples ? rows[y * stride + x - samples]! : 0
      const up = y > 0 ? rows[(y - 1) * stride + x]! : 0
      const corner = x >= samples && y > 0 ? rows[(y - 1) * stride + x - samples]! : 0
      let guess: number
      if (filter === 0) guess = 0
      else if (filter === 1) guess = left
      else if (filter === 2) guess = up
      else if (filter === 3) guess = (left + up) >> 1
      else if (filter === 4) guess = paeth(left, up, corner)
      else throw refuse(`PNG row filter ${filter} does not exist`)
      rows[y * stride + x] = value + guess
    }
  }
  return rows
}

function paeth(left: number, up: number, corner: number): number {
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)]
  if (a <= b && a <= c) return left
  return b <= c ? up : corner
}

function decodeNetpbm(buffer: Buffer, name: string): Picture {
  const refuse = (message: string) => new LearningError('BAD_DATA', `${name}: ${message}`)
  const match = /^P[56]\s+(?:#.*\n\s*)*(\d+)\s+(?:#.*\n\s*)*(\d+)\s+(?:#.*\n\s*)*(\d+)\s/.exec(
    buffer.toString('latin1', 0, 512),
  )
  if (match === null) throw refuse('damaged PGM/PPM header')
  const [width, height, largest] = [Number(match[1]), Number(match[2]), Number(match[3])]
  checkSides(width, height, refuse)
  if (largest !== 255) throw refuse(`PGM/PPM with a maximum of ${largest}; only 255 is supported`)
  const channels = buffer[1] === 0x35 ? 1 : 3
  const pixels = buffer.subarray(match[0].length)
  if (pixels.length !== width * height * channels) {
    throw refuse(`${pixels.length} bytes of pixels, expected ${width * height * channels}`)
  }
  return { width, height, channels, pixels: new Uint8Array(pixels) }
}

function checkSides(width: number, height: number, refuse: (message: string) => LearningError): void {
  if (width < 1 || height < 1 || width > LARGEST_SIDE || height > LARGEST_SIDE) {
    throw refuse(`picture of ${width}×${height}; sides must be 1 to ${LARGEST_SIDE}: resize it, or take it out`)
  }
}
