// SPDX-License-Identifier: GPL-3.0-or-later
// What this copy of the console is about: `cohort.json` beside its index.html. Whoever publishes a copy writes it once.
import { getAddress, isAddress } from 'ethers'
import { z } from 'zod'
import { type DeploymentFile, parseDeployment } from '../../../keepers/chain/index.ts'
import { parseJson } from '../../../keepers/zkml/json.ts'

/** Bytes of the file at most: a deployment and a few addresses. */
const MOST_BYTES = 1 << 20

const siteSchema = z.strictObject({
  /** JSON-RPC endpoints over HTTP, the preferred one first; relative to the page, or absolute. */
  rpc: z.array(z.string().min(1)).min(1, 'takes at least one endpoint'),
  /** Trustless IPFS gateways, asked in turn. Every block is checked against its hash, so that none has to be believed. */
  gateways: z.array(z.string().min(1)).default([]),
  /** GraphQL endpoint of an index (`npm run index`), for services whose log is long. It is checked against the chain. */
  index: z.string().min(1).optional(),
  /** The registry of claims (`cohort claim deploy`) that the screen of claims shows unless its address names another. */
  claims: z
    .string()
    .refine((text) => isAddress(text), 'an Ethereum address of 40 hexadecimal digits')
    .transform((text) => getAddress(text))
    .optional(),
  /** As `npx hardhat deploy` writes it. */
  deployment: z.unknown().transform((json, context) => {
    try {
      return parseDeployment(json)
    } catch (error) {
      context.addIssue({
        code: 'custom',
        message: error instanceof z.ZodError ? z.prettifyError(error) : String(error),
      })
      return z.NEVER
    }
  }),
  /** Folders with what proves a circuit (`cohort zkml compile` and `setup`), by circuit id. */
  circuits: z
    .record(z.string(), z.string().min(1))
    .default({})
    .superRefine((circuits, context) => {
      for (const id of Object.keys(circuits)) {
        if (!/^0x[0-9a-f]{64}$/.test(id)) {
          context.addIssue({ code: 'custom', path: [id], message: 'takes the id of a circuit: 0x and 64 hex digits' })
        }
      }
    }),
  /** Public samples to judge versions on, by service: a JSON file with `inputs` and `labels` (src/service/samples.ts). */
  samples: z.record(z.string(), z.string().min(1)).default({}),
})

export type Site = {
  readonly rpc: readonly string[]
  readonly gateways: readonly string[]
  /** Null for none: the page reads the chain's logs. */
  readonly index: string | null
  /** Null for none. */
  readonly claims: string | null
  readonly deployment: DeploymentFile
  readonly circuits: Readonly<Record<string, string>>
  readonly samples: Readonly<Record<string, string>>
}

/** The page's own description is missing or wrong; the message says the field and the fix. */
export class SiteError extends Error {
  override readonly name = 'SiteError'
}

/** Parses a site's description. @param base URL that relative addresses are meant from @throws SiteError */
export function parseSite(text: string, base: string): Site {
  let json: unknown
  try {
    json = parseJson(text)
  } catch (cause) {
    throw new SiteError(`cohort.json is not JSON: ${(cause as Error).message}`, { cause })
  }
  const parsed = siteSchema.safeParse(json)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw new SiteError(`cohort.json: ${issue.path.join('.') || 'document'}: ${issue.message}`)
  }
  const { rpc, gateways, index, claims = null, circuits, samples, deployment } = parsed.data
  const absolute = (address: string, field: string): string => {
    let url: URL | null = null
    try {
      url = new URL(address, base)
    } catch {
      // Said below.
    }
    if (url === null || !/^https?:$/.test(url.protocol)) {
      throw new SiteError(`cohort.json: ${field}: '${address.slice(0, 200)}' is not an address over http or https`)
    }
    return url.href
  }
  const each = (record: Record<string, string>, field: string) =>
    Object.fromEntries(Object.entries(record).map(([key, address]) => [key, absolute(address, `${field}.${key}`)]))
  return {
    rpc: rpc.map((address, i) => absolute(address, `rpc.${i}`)),
    gateways: gateways.map((address, i) => absolute(address, `gateways.${i}`)),
    index: index === undefined ? null : absolute(index, 'index'),
    claims,
    deployment,
    circuits: each(circuits, 'circuits'),
    samples: each(samples, 'samples'),
  }
}

/** Reads the description of this copy. @throws SiteError when it cannot be read, or is wrong */
export async function loadSite(base: string): Promise<Site> {
  const url = new URL('cohort.json', base)
  let text: string
  try {
    const response = await fetch(url, { cache: 'no-cache' })
    if (!response.ok) throw new Error(`HTTP ${response.status}`)
    text = await response.text()
  } catch (cause) {
    throw new SiteError(
      `${url.href} cannot be read (${(cause as Error).message}): \`npm run web -- build\` says how to write it`,
      { cause },
    )
  }
  if (text.length > MOST_BYTES)
    throw new SiteError(`cohort.json has ${text.length} bytes, at most ${MOST_BYTES} are read`)
  return parseSite(text, base)
}
