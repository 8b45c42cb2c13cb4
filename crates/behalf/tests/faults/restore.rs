//! F22 of the fault table: backups are made under load and restored elsewhere. What was
//! acknowledged before one was begun is in it, what was begun after it was made is not; nothing
//! that was sealed before counts after. `BEHALF_RESTORES` says how many.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::{
    corrupt::{Elsewhere, chosen},
    support::{Deployment, api, form, post},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_is_of_one_moment_and_serves_elsewhere() {
    let deployment = Deployment::new();
    let serving = deployment.serve(&[]);
    let admin = deployment.admin();
    admin.apply(api()).await.unwrap();
    let rounds = chosen("BEHALF_RESTORES", 3);
    let (mut made, mut checked) = (Vec::new(), 0);
    for round in 0..rounds {
        for n in 0..3 {
            let name = format!("before-{round}-{n}");
            made.push((name.clone(), admin.make(&name).await.unwrap()));
        }
        let stop = Arc::new(AtomicBool::new(false));
        let load = tokio::spawn({
            let (admin, stop) = (admin.clone(), Arc::clone(&stop));
            async move {
                let mut n = 0;
                while !stop.load(Ordering::Relaxed) {
                    admin.make(&format!("during-{round}-{n}")).await.unwrap();
                    n += 1;
                }
                n
            }
        });
        let backup = deployment.path().join("b");
        let written = tokio::task::block_in_place(|| deployment.run(&["backup", "--to", "b"]));
        assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
        admin.make(&format!("after-{round}")).await.unwrap();
        stop.store(true, Ordering::Relaxed);
        let during = load.await.unwrap();
        let elsewhere = Elsewhere::of(&deployment);
        tokio::task::block_in_place(|| elsewhere.restore(&backup));
        let names = tokio::task::block_in_place(|| elsewhere.applications()).unwrap();
        for (name, _) in &made {
            assert!(names.contains(name), "round {round}: {name} was acknowledged before");
        }
        assert!(!names.contains(&format!("after-{round}")), "round {round}: made after the backup");
        // What was made meanwhile is there up to one moment and not from then on.
        let there = |n: &usize| names.contains(&format!("during-{round}-{n}"));
        let until = (0..during).take_while(there).count();
        assert!((until..during).all(|n| !there(&n)), "round {round}: of one moment");
        let epochs = tokio::task::block_in_place(|| elsewhere.run(&["key", "list", "--seal"]));
        let epochs = String::from_utf8(epochs.stdout).unwrap();
        assert_eq!(epochs.matches("revoked").count(), 1, "{epochs}");
        if round == 0 {
            let url = elsewhere.url();
            let restored = deployment.serve(&[("BEHALF_STORAGE_URL", url.as_ref())]);
            let client = deployment.client();
            let (_, credentials) = &made[0];
            let answer = post(&client, &restored.token_url(), form(credentials)).await.unwrap();
            assert!(answer.is_whole(), "{answer:?}");
        }
        checked += 1;
    }
    drop(serving);
    println!(
        "promise: a backup is of one moment, and restored elsewhere nothing sealed before counts"
    );
    println!("done:    {checked} backups under load, each restored");
    println!("counted: {} acknowledged applications, none lost", made.len());
}
