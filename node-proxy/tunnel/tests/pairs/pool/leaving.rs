//! Connections that take no more streams: their open streams go on, and can be closed.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use karez_tunnel::pool::{Limits, Pool, Stats};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::sleep;

use super::{DIAL, World, settle};
use crate::endpoints::{Order, local};

/// A world whose pool's tasks can be awaited.
fn watched() -> (World, Rc<RefCell<Vec<JoinHandle<()>>>>) {
    let tasks = Rc::new(RefCell::new(Vec::new()));
    let kept = tasks.clone();
    let mut world = World::new(Limits::default(), 100);
    world.pool = Pool::new(Limits::default(), move |task| kept.borrow_mut().push(spawn_local(task)));
    (world, tasks)
}

#[tokio::test(start_paused = true)]
async fn goaway_in_mid_use_means_a_new_dial_and_the_old_streams_go_on() {
    local(async {
        let world = World::new(Limits::default(), 100);
        let old = world.connect("a").await.unwrap();
        world.order(0, Order::ShutDown);
        let new = world.connect("a").await.unwrap();
        let newer = world.connect("a").await.unwrap();
        assert_eq!(world.dials.get(), 2);
        for stream in [old, new, newer] {
            let (mut reader, mut writer) = stream.split();
            writer.finish().unwrap();
            assert!(reader.data().await.unwrap().is_none());
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_retired_key_lets_its_streams_finish() {
    local(async {
        let world = World::new(Limits::default(), 100);
        let old = world.connect("a").await.unwrap();
        world.pool.retire(|_| true);
        world.connect("a").await.unwrap();
        assert_eq!(world.dials.get(), 2);
        let (mut reader, mut writer) = old.split();
        writer.finish().unwrap();
        assert!(reader.data().await.unwrap().is_none());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_dial_of_a_retired_key_gets_its_stream() {
    local(async {
        let world = World::new(Limits::default(), 100);
        let waiting = world.clone();
        let waiting = spawn_local(async move { waiting.connect("a").await });
        sleep(DIAL / 2).await;
        world.pool.retire(|_| true);
        assert!(waiting.await.unwrap().is_ok());
        assert_eq!(world.dials.get(), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn tasks_end_with_the_pool() {
    local(async {
        let (mut world, tasks) = watched();
        drop(world.connect("a").await.unwrap());
        let stream = world.connect("b").await.unwrap();
        world.pool = Pool::new(Limits::default(), |task| drop(spawn_local(task)));
        drop(stream);
        for task in tasks.take() {
            task.await.unwrap();
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_carried_after_goaway_or_retirement_is_cut_with_its_key() {
    for goaway in [true, false] {
        local(async {
            let world = World::new(Limits::default(), 100);
            let old = world.connect("a").await.unwrap();
            if goaway {
                world.order(0, Order::ShutDown);
                settle().await;
            } else {
                world.pool.retire(|_| true);
            }
            let _new = world.connect("a").await.unwrap();
            assert_eq!(world.pool.stats(), Stats { keys: 1, connections: 2, streams: 2 });
            world.pool.close(|key| *key == "a");
            assert!(old.split().0.data().await.is_err());
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_left_goes_with_its_last_stream() {
    local(async {
        let (world, tasks) = watched();
        let stream = world.connect("a").await.unwrap();
        world.pool.retire(|_| true);
        drop(stream);
        for task in tasks.take() {
            task.await.unwrap();
        }
        assert_eq!(world.pool.stats(), Stats::default());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_nothing_delays_no_close() {
    local(async {
        let (world, tasks) = watched();
        let (_reader, mut writer) = world.connect("a").await.unwrap().split();
        world.order(0, Order::Vanish);
        settle().await;
        writer.send(Bytes::from(vec![0; 100_000])).unwrap();
        settle().await;
        drop((_reader, writer));
        let closed = Limits::default().idle + 2 * Limits::default().close_timeout;
        sleep(closed + Duration::from_secs(1)).await;
        assert!(tasks.take().iter().all(JoinHandle::is_finished));
    })
    .await;
}
