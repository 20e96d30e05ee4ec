// SPDX-License-Identifier: GPL-3.0-or-later
// A chain on which every contract says the worst that its types allow.
import { type Interface, type ParamType, toUtf8Bytes } from 'ethers'
import type { Page } from 'playwright-core'
import { type ContractName, contractInterface, type DeploymentFile } from '../../../keepers/chain/index.ts'
import { nothing, type Saying } from '../../../scripts/bench/console/chain.ts'
import { blockHash, type MadeLog } from '../../../scripts/bench/console/history.ts'

const MARKUP = `<img src=x onerror="window.taken=1"><script>window.taken=1</script><iframe srcdoc="x"></iframe><a href="javascript:window.taken=1">`
/** Controls, directions, characters without width, lines, and half a surrogate pair. */
const MARKS = '\u0000\u0007\u001b[31m\u202Egnp.exe\u2066\u200B\u200F\u2028\uFEFF\r\n'
/** Characters of a market's question. */
const QUESTION = 1_000_000
/** Every address of that chain. */
export const STRANGER = `0x${'5e'.repeat(20)}`
/** Small numbers, so that lists have entries; or as large as their types hold. */
export type Numbers = 'few' | 'most'

/** A stranger's text. @param length characters at least */
export function hostileText(length = 0): string {
  const text = `${MARKUP}${MARKS}`
  return text.repeat(Math.max(1, Math.ceil(length / text.length)))
}

function worst(type: ParamType, numbers: Numbers, text: string): unknown {
  if (type.isTuple()) return type.components.map((one) => worst(one, numbers, text))
  if (type.isArray()) return [worst(type.arrayChildren, numbers, text), worst(type.arrayChildren, numbers, text)]
  if (type.baseType === 'string') return text
  if (type.baseType === 'bytes') return toUtf8Bytes(text)
  const [, bits] = /^uint(\d*)$/.exec(type.baseType) ?? []
  if (bits !== undefined) return numbers === 'few' ? 2n : (1n << BigInt(bits === '' ? 256 : bits)) - 1n
  const [, bytes] = /^bytes(\d+)$/.exec(type.baseType) ?? []
  if (bytes !== undefined) return toUtf8Bytes(text).slice(0, Number(bytes))
  if (type.baseType === 'address') return STRANGER
  return type.baseType === 'bool' ? true : nothing(type)
}

/** What calls return. */
export function hostileSaying(numbers: Numbers, length: number): Saying {
  const text = hostileText(length)
  return (_method, type) => worst(type, numbers, text)
}

/** Every event of every contract, each once, from its own address. */
export function hostileLogs(
  { contracts, services }: DeploymentFile,
  numbers: Numbers,
  length: number,
): Map<string, MadeLog[]> {
  const of = (abi: Interface, least = length): MadeLog[] => {
    const text = hostileText(least)
    const logs: MadeLog[] = []
    abi.forEachEvent((event) => {
      try {
        const made = abi.encodeEventLog(
          event,
          event.inputs.map((type) => worst(type, numbers, text)),
        )
        logs.push({ block: 20, index: logs.length, transactionHash: blockHash(logs.length, 'a transaction'), ...made })
      } catch {
        // An indexed tuple, say, which no contract here has one of.
      }
    })
    return logs
  }
  const all = new Map<string, MadeLog[]>()
  for (const [name, address] of Object.entries(contracts)) {
    try {
      const least = name === 'PredictionMarket' ? QUESTION : length
      all.set(address.toLowerCase(), of(contractInterface(name as ContractName), least))
    } catch {
      // Not one that a page talks to.
    }
  }
  for (const { address } of services) all.set(address.toLowerCase(), of(contractInterface('ILearningService')))
  return all
}

/** What of the hostile texts took effect in the page, one line each. */
export async function effectsOn(page: Page): Promise<string[]> {
  return await page.evaluate(() => {
    const found: string[] = []
    if ('taken' in window) found.push('a script ran')
    const made = document.querySelectorAll('main img, main script, main iframe, main object, a[href^="javascript:" i]')
    for (const { outerHTML } of made) found.push(`an element was made: ${outerHTML.slice(0, 80)}`)
    const text = document.body.innerText
    const mark = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/u.exec(text.replaceAll(/[\n\t]/g, ' '))
    if (mark !== null)
      found.push(
        `U+${mark[0].codePointAt(0)!.toString(16)} at '${text.slice(Math.max(0, mark.index - 40), mark.index + 20)}'`,
      )
    for (const element of document.querySelectorAll('[title], [aria-label]')) {
      const said = `${element.getAttribute('title') ?? ''}${element.getAttribute('aria-label') ?? ''}`
      if (/[\p{Cc}\p{Cf}\p{Cs}]/u.test(said) || said.length > 2_000)
        found.push(`a label says ${JSON.stringify(said.slice(0, 80))}`)
    }
    if (text.length > 400_000) found.push(`${text.length} characters are shown`)
    return found
  })
}
