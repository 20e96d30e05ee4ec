// SPDX-License-Identifier: GPL-3.0-or-later
// A demo about arrays, or about pictures in a folder for each class, with an existing manifest.
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { openArrays, partitionIid, type StoredArray } from '../../keepers/learning/index.ts'
import { type ServiceManifest, samplesOf } from '../../keepers/versions/index.ts'
import type { DemoOptions } from './options.ts'
import { answerOf, HELD_BACK, type Subject, USUAL_TRAINING } from './rows.ts'

/** Each keeper has an equal part; one part more is held back, for judging and for questions. */
export async function arraysOfManifest(
  manifest: ServiceManifest,
  data: string,
  { keepers, seed, folder }: Pick<DemoOptions, 'keepers' | 'seed'> & { readonly folder: string },
): Promise<Subject> {
  const { input } = manifest
  if (input.kind !== 'tensor') throw new Error(`${manifest.name}: arrays are of a tensor`)
  const path = resolve(data)
  const { train } = await samplesOf(manifest, { kind: 'tensor', path })
  const parts = keepers + 1
  const held = partitionIid(train, { parts, seed }).shards.at(-1)!
  const file = await openArrays(path)
  const part: Record<string, unknown> = {}
  for (const name of [input.array, input.label]) {
    const array = await file.array(name)
    part[name] = Array.from(held, (row) => sampleOf(array, row))
  }
  const test = join(folder, 'test.json')
  await mkdir(folder, { recursive: true })
  await writeFile(test, JSON.stringify(part))
  return {
    title: manifest.name,
    manifest,
    values: (index) => ({
      'data.source': 'tensor',
      'data.path': path,
      'data.test': test,
      'data.shard': { kind: 'iid', parts, index, seed },
      ...USUAL_TRAINING,
    }),
    asked: async () => firstOf(manifest, 'tensor', test),
  }
}

/** As JSON has it: a number or text, or lists of them. */
function sampleOf({ shape, kind, number, text }: StoredArray, row: number): unknown {
  const sides = shape.slice(1)
  const size = sides.reduce((product, side) => product * side, 1)
  const nested = (axis: number, from: number): unknown => {
    const side = sides[axis]
    if (side === undefined) return kind === 'text' ? text(from) : number(from)
    const step = sides.slice(axis + 1).reduce((product, length) => product * length, 1)
    return Array.from({ length: side }, (_, i) => nested(axis + 1, from + i * step))
  }
  return nested(0, row * size)
}

/** @param data a folder with a folder for each class @param options.folder for links to the pictures of both parts */
export async function foldersOfManifest(
  manifest: ServiceManifest,
  data: string,
  { alpha, seed, folder }: Pick<DemoOptions, 'alpha' | 'seed'> & { readonly folder: string },
): Promise<Subject> {
  const place = (part: 'train' | 'test'): string => join(folder, part)
  for (const entry of await readdir(data, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue
    const files = (await readdir(join(data, entry.name))).sort()
    for (const part of ['train', 'test'] as const) {
      await mkdir(join(place(part), entry.name), { recursive: true })
      for (const file of files.filter((_, i) => (i % HELD_BACK === 0) === (part === 'test'))) {
        await symlink(resolve(data, entry.name, file), join(place(part), entry.name, file))
      }
    }
  }
  return {
    title: manifest.name,
    manifest,
    values: (index, parts) => ({
      'data.source': 'images',
      'data.path': place('train'),
      'data.test': place('test'),
      'data.shard': { kind: 'dirichlet', alpha, parts, index, seed },
    }),
    asked: async () => firstOf(manifest, 'images', place('test')),
  }
}

async function firstOf(manifest: ServiceManifest, kind: 'tensor' | 'images', path: string) {
  const { train } = await samplesOf(manifest, { kind, path })
  const size = train.inputs.length / train.count
  const input = Array.from(train.inputs.subarray(0, size), (value) => value * train.scale)
  return { input, label: answerOf(manifest, train) }
}
