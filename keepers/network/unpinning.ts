// SPDX-License-Identifier: GPL-3.0-or-later
import { decode as decodePb } from '@ipld/dag-pb'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { collectBytes } from './assembly.ts'
import { MAX_BLOCK_BYTES } from './file-format.ts'
import type { HeliaNode } from './node.ts'

/**
 * Lets go of a blob, by the blocks of it that are here, each once. Helia's own walk asks peers for a block that is missing, for as long as it takes: a
 * file that a crash left out would stop whoever forgets old blobs, or finds that one has a hole. And it lets go of a block as often as the blob
 * repeats it, which was pinned for it once: a member's blob with a block of the model in it twice would take the model with it.
 */
export async function unpin({ pins, files }: Pick<HeliaNode, 'pins' | 'files'>, root: CID): Promise<void> {
  // Pins are by bytes, whatever the codec.
  const [bytes, nodes] = [new Set<string>(), new Set<string>()]
  async function* walk(cid: CID): AsyncGenerator<{ readonly block: { readonly cid: CID } }> {
    if (isNew(bytes, Buffer.from(cid.multihash.bytes).toString('latin1'))) yield { block: { cid } }
    if (cid.code === raw.code || !isNew(nodes, cid.toString()) || !(await files.has(cid))) return
    for (const child of linksOf(await collectBytes(files.get(cid), MAX_BLOCK_BYTES))) yield* walk(child)
  }
  // Of what a walker yields, letting go reads the CID alone.
  const walker = (() => ({ walk })) as unknown as NonNullable<NonNullable<Parameters<typeof pins.rm>[1]>['walker']>
  for await (const _ of pins.rm(root, { walker }));
}

/** Adds what is not there yet. */
function isNew(known: Set<string>, name: string): boolean {
  return known.size < known.add(name).size
}

/** None of a block that was changed on the disk, and is no node any more. */
function linksOf(block: Uint8Array): CID[] {
  try {
    return decodePb(block).Links.map(({ Hash }) => CID.asCID(Hash)!)
  } catch {
    return []
  }
}
