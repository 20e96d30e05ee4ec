// SPDX-License-Identifier: GPL-3.0-or-later

/** npm scope of everything that this project publishes. */
export const SCOPE = '@cohort-ai'

/** A part of the project that can be installed by itself. */
export type Package = {
  /** Without the scope. */
  readonly name: string
  readonly description: string
  /** Words for the registry's search. */
  readonly keywords: readonly string[]
  readonly license: 'GPL-3.0-or-later' | 'MIT'
  /** Where its sources and its README are, relative to the root. */
  readonly folder: string
  readonly content:
    | {
        readonly kind: 'library'
        /** Modules that can be imported in addition to the index, by the name that importers use. */
        readonly doors: Readonly<Record<string, string>>
        /** Files that the code reads at run time, relative to the folder. */
        readonly assets: readonly string[]
        /** Declarations that are written by hand, relative to the folder. */
        readonly ambient?: string
      }
    | {
        readonly kind: 'sources'
        /** Files copied as they are, relative to the folder. */
        readonly files: readonly string[]
        /** Subpath patterns that can be resolved. */
        readonly exports: readonly string[]
        /** Whether compiled contracts come with it. */
        readonly artifacts?: true
      }
    | {
        readonly kind: 'application'
        /** The command by the module that runs it, relative to the root. */
        readonly bin: Readonly<Record<string, string>>
        /** Files beside the JavaScript that commands read at run time, relative to the root. */
        readonly files: readonly string[]
      }
  /** Packages that it needs at run time but that no import statement names; our own with their scope. */
  readonly needs: readonly string[]
}

export const PACKAGES: readonly Package[] = [
  {
    name: 'contracts',
    description:
      'Contracts of Cohort: interfaces to consume proven inferences, the round machine, registries, the DAO.',
    keywords: ['solidity', 'governance', 'staking', 'federated-learning', 'zkml', 'prediction-market'],
    license: 'MIT',
    folder: 'contracts',
    content: { kind: 'sources', files: ['**/*.sol'], exports: ['./*.sol', './artifacts/*.json'], artifacts: true },
    needs: ['@openzeppelin/contracts'],
  },
  {
    name: 'circuits',
    description:
      'circom gadgets that prove what a network computed: ranges, rescaling, argmax, Poseidon, SHA-256, EdDSA.',
    keywords: ['circom', 'zero-knowledge', 'zkml', 'poseidon', 'sha256', 'eddsa'],
    license: 'GPL-3.0-or-later',
    folder: 'circuits',
    content: {
      kind: 'sources',
      files: ['lib/*.circom', 'lib/README.md', 'instances.json'],
      exports: ['./lib/*.circom', './instances.json'],
    },
    needs: ['circomlib'],
  },
  {
    name: 'fhe',
    description: 'Threshold CKKS over SEAL: sum encrypted vectors that only t of n members together can decrypt.',
    keywords: ['homomorphic-encryption', 'ckks', 'threshold-cryptography', 'secure-aggregation', 'seal'],
    license: 'GPL-3.0-or-later',
    folder: 'keepers/fhe',
    content: { kind: 'library', doors: {}, assets: ['kernel/generated/kernel.wasm'] },
    needs: [],
  },
  {
    name: 'zkml',
    description:
      'From a tfjs or ONNX model to a Groth16 proof of all of it, and to the Solidity contract that verifies it.',
    keywords: ['zkml', 'zero-knowledge', 'groth16', 'onnx', 'tensorflow', 'circom', 'solidity'],
    license: 'GPL-3.0-or-later',
    folder: 'keepers/zkml',
    content: {
      kind: 'library',
      // Only files that a browser needs: none of them imports anything of Node.
      doors: {
        './prove': 'prove/wasm',
        './verify': 'prove/verify',
        './witness': 'circuit/witness',
        './lookup': 'lookup/circuit',
        './prove-lookup': 'prove/two-round',
        './verify-lookup': 'prove/two-round-verify',
        './download-key': 'prove/key-download',
      },
      assets: ['kernel/generated/kernel.wasm'],
      ambient: 'iden3.d.ts',
    },
    needs: ['@cohort-ai/circuits', 'circom2', 'circomlib', 'ffjavascript', 'snarkjs'],
  },
  {
    name: 'learning',
    description:
      'Federated learning in plain Node: models, data, fast WebAssembly training, strategies, privacy, simulation.',
    keywords: ['federated-learning', 'machine-learning', 'webassembly', 'differential-privacy', 'simulation'],
    license: 'GPL-3.0-or-later',
    folder: 'keepers/learning',
    content: { kind: 'library', doors: {}, assets: ['kernel/generated/kernel.wasm'] },
    needs: [],
  },
  {
    name: 'cli',
    description: 'The cohort command: run a keeper, a prover or a relay, vote, trade, compile and prove models.',
    keywords: ['federated-learning', 'zkml', 'homomorphic-encryption', 'dao', 'ethereum'],
    license: 'GPL-3.0-or-later',
    folder: 'keepers/cli',
    content: {
      kind: 'application',
      bin: { cohort: 'keepers/cli/main' },
      files: [
        'keepers/**/*.{json,yaml,wasm}',
        'circuits/lib/*.circom',
        'contracts/interfaces/*.sol',
        'contracts/rounds/*.sol',
        'deploy/monitoring/**',
        'deploy/systemd/*',
        'examples/**',
        'strategies/*',
        'trainers/python/**/*.{py,toml,md}',
      ],
    },
    needs: ['@tensorflow/tfjs-backend-wasm', 'circom2', 'circomlib', 'solc'],
  },
]

/** Packages that are imported by others' code, rather than run. */
export const PARTS = PACKAGES.filter(({ content }) => content.kind !== 'application')
