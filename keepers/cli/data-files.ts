// SPDX-License-Identifier: GPL-3.0-or-later
// The JSON files of `cohort data`: their schemas, and how they are read.
import { readFile } from 'node:fs/promises'
import { getAddress, id, isAddress, parseEther } from 'ethers'
import { z } from 'zod'
import { CommandError, EXIT } from './failure.ts'

const address = z
  .string()
  .refine((text) => isAddress(text), 'an address of 20 bytes is needed')
  .transform((text) => getAddress(text))
const ether = z
  .string()
  .regex(/^\d{1,9}(\.\d{1,18})?$/, 'an amount of ether in quotes, such as "0.4", is needed')
  .transform((text) => parseEther(text))
const word = z.string().regex(/^0x[0-9a-fA-F]{64}$/, '0x and 64 hexadecimal digits are needed')
/** A field element in decimal or hexadecimal digits, in quotes, because a JSON number would lose its last digits. */
const element = z
  .string()
  .regex(/^(0x[0-9a-fA-F]{1,64}|\d{1,78})$/, 'a field element in quotes is needed')
  .transform((text) => BigInt(text))
const point = z.tuple([element, element])

const LEAVES = 1 << 20
const leavesSchema = z.array(element).min(1).max(LEAVES)

const offerSchema = z
  .strictObject({
    /** Describes a sample; its hash is on the chain. */
    schema: z.string().min(1).max(10_000),
    /** Commitments of all samples or batches, in their order. Absent if root and size are given. */
    leaves: leavesSchema.optional(),
    root: word.optional(),
    size: z.int().min(1).max(LEAVES).optional(),
    maker: address.optional(),
    price: ether,
    /** 2027-01-31T00:00Z or a number of days from now. */
    expires: z.union([z.iso.datetime({ precision: null, offset: true }), z.number().positive().max(365)]),
    proveDays: z.number().min(1).max(365).default(90),
    /** What campaigns must have paid the seller since it was admitted. */
    minEarned: ether.refine((wei) => wei > 0n, 'more than 0 is needed: any payment would release the price'),
    uri: z.string().max(256).default(''),
  })
  .refine(({ leaves, root, size }) => (leaves !== undefined) !== (root !== undefined && size !== undefined), {
    error: 'give leaves, or root and size',
  })

const samplesSchema = z.strictObject({
  device: z.int().min(0).max(65_535),
  samples: z
    .array(
      z.strictObject({
        counter: z.int().nonnegative(),
        value: z.int().nonnegative(),
        signature: z.strictObject({ R: point, S: element }),
      }),
    )
    .min(2)
    .max(1024),
  salt: element,
})

const devicesSchema = z.strictObject({
  /** A key, or null at the place of a device that was removed. */
  keys: z.array(point.nullable()).min(1).max(65_536),
})

const campaignSchema = z.strictObject({
  service: address,
  pool: z.int().positive(),
  /** Samples of a batch. */
  count: z.int().min(1).max(4095),
  draws: z.int().min(1).max(16).default(1),
  baseline: z.int().nonnegative(),
  margin: z.int().nonnegative(),
  step: z.int().positive().default(1),
  tolerance: z.int().nonnegative().default(0),
  rate: ether,
  minBond: ether,
  ceremony: z.boolean().default(true),
  presentHours: z.number().min(1).max(2160).default(168),
  patienceHours: z.number().min(1).max(2160).default(336),
  days: z.number().positive().max(730),
  perRound: z.int().min(0).max(16).default(1),
  scorePercent: z.number().min(0).max(100).default(0),
  scoredAfter: z.int().min(1).max(65_535).default(10),
})

async function readAs<T>(path: string, schema: z.ZodType<T>): Promise<T> {
  const text = await readFile(path, 'utf8').catch((cause: Error) => {
    throw new CommandError(`cannot read ${path}: ${cause.message}`, EXIT.noInput)
  })
  const { parseJson } = await import('../zkml/json.ts')
  let json: unknown
  try {
    json = parseJson(text)
  } catch (cause) {
    throw new CommandError(`${path} is not JSON: ${(cause as Error).message}`, EXIT.data)
  }
  const found = schema.safeParse(json)
  if (found.success) return found.data
  const [issue] = found.error.issues
  throw new CommandError(`${path}: ${issue!.path.join('.') || 'the file'}: ${issue!.message}`, EXIT.data)
}

export const readLeaves = (path: string) => readAs(path, leavesSchema)
export const readOffer = (path: string) => readAs(path, offerSchema)
export const readSamples = (path: string) => readAs(path, samplesSchema)
export const readDevices = (path: string) => readAs(path, devicesSchema)
export const readCampaign = (path: string) => readAs(path, campaignSchema)

/** The hash by which the chain knows a schema: the hash of its text, unless the text is such a hash already. */
export function schemaHash(text: string): string {
  return word.safeParse(text).success ? text.toLowerCase() : id(text)
}
