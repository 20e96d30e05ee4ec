// SPDX-License-Identifier: GPL-3.0-or-later
import { decode as decodePb } from '@ipld/dag-pb'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { collectBytes } from './assembly.ts'
import { MAX_BLOCK_BYTES } from './file-format.ts'
import type { HeliaNode } from './node.ts'

/**
 * Unpins a blob by its blocks that are here, each once. Helia's own walk has two faults. It asks peers for a missing block, for as long as it takes, so
 * a file lost in a crash would stop the cleaning of old blobs. And it unpins a block as often as the blob repeats it, although it was pinned only once:
 * a member's blob that contains a block of the model twice would unpin the model's, too.
 */
export async function unpin({ pins, files }: Pick<HeliaNode, 'pins' | 'files'>, root: CID): Promise<void> {
  // Pins count bytes, whatever the codec.
  const [bytes, nodes] = [new Set<string>(), new Set<string>()]
  async function* walk(cid: CID): AsyncGenerator<{ readonly block: { readonly cid: CID } }> {
    if (isNew(bytes, Buffer.from(cid.multihash.bytes).toString('latin1'))) yield { block: { cid } }
    if (cid.code === raw.code || !isNew(nodes, cid.toString()) || !(await files.has(cid))) return
    for (const child of linksOf(await collectBytes(files.get(cid), MAX_BLOCK_BYTES))) yield* walk(child)
  }
  // Unpinning reads only the CID of what a walker yields.
  const walker = (() => ({ walk })) as unknown as NonNullable<NonNullable<Parameters<typeof pins.rm>[1]>['walker']>
  for await (const _ of pins.rm(root, { walker }));
}

/** Adds a name. @returns whether it was new */
function isNew(known: Set<string>, name: string): boolean {
  return known.size < known.add(name).size
}

/** The links of a node; none if the block was changed on the disk and is no longer a node. */
function linksOf(block: Uint8Array): CID[] {
  try {
    return decodePb(block).Links.map(({ Hash }) => CID.asCID(Hash)!)
  } catch {
    return []
  }
}
