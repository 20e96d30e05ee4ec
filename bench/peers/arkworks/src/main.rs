// SPDX-License-Identifier: GPL-3.0-or-later
// arkworks' Groth16 over a snarkjs key: `cohort-bench-arkworks key.zkey witness.wtns runs` prints seconds as JSON.
use ark_bn254::{Bn254, Fr};
use ark_ff::{PrimeField, UniformRand};
use ark_groth16::{prepare_verifying_key, Groth16};
use ark_std::rand::thread_rng;
use semaphore_rs_ark_circom::{read_zkey, CircomReduction};
use std::{env, fs, io::BufReader, time::Instant};

/// Values of a .wtns file, version 2: two sections, the second with 32 bytes a value.
fn read_witness(path: &str) -> Vec<Fr> {
    let file = fs::read(path).expect("witness");
    let word = |at: usize| u64::from_le_bytes(file[at..at + 8].try_into().unwrap()) as usize;
    let header = word(16);
    let values = 24 + header + 12;
    file[values..].chunks_exact(32).map(Fr::from_le_bytes_mod_order).collect()
}

fn main() {
    let args: Vec<String> = env::args().collect();
    let [_, key, witness, runs] = &args[..] else { panic!("usage: key.zkey witness.wtns runs") };
    let start = Instant::now();
    let (key, matrices) = read_zkey(&mut BufReader::new(fs::File::open(key).expect("key"))).expect("zkey");
    let load = start.elapsed().as_secs_f64();
    let witness = read_witness(witness);
    let inputs = matrices.num_instance_variables;
    let mut rng = thread_rng();
    let mut seconds = Vec::new();
    for _ in 0..runs.parse::<usize>().expect("runs") {
        let start = Instant::now();
        let (r, s) = (Fr::rand(&mut rng), Fr::rand(&mut rng));
        let proof = Groth16::<Bn254, CircomReduction>::create_proof_with_reduction_and_matrices(
            &key, r, s, &matrices, inputs, matrices.num_constraints, &witness,
        )
        .expect("proof");
        seconds.push(start.elapsed().as_secs_f64());
        let prepared = prepare_verifying_key(&key.vk);
        let holds = Groth16::<Bn254, CircomReduction>::verify_proof(&prepared, &proof, &witness[1..inputs]).unwrap();
        assert!(holds, "the proof does not verify");
    }
    println!("{{\"load\": {load}, \"prove\": {seconds:?}}}");
}
