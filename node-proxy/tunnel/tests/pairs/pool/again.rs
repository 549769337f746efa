//! CONNECTs that are sent again, and those that are not.

use karez_tunnel::client::ConnectError;
use karez_tunnel::pool::{Limits, PoolError, Stats};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::{Answer, Connected, DIAL, World, join, settle};
use crate::endpoints::{Order, local};

/// CONNECTs that wait for an answer on the first connection of `world`, which had a stream before.
async fn waiting_on_a_known_connection(world: &World, count: usize) -> Vec<JoinHandle<Connected>> {
    drop(world.connect("a").await.unwrap());
    world.answer.set(Answer::Nothing);
    let waiting = world.spawn_connects("a", count);
    settle().await;
    world.answer.set(Answer::Accept);
    waiting
}

#[tokio::test(start_paused = true)]
async fn connects_that_are_lost_with_a_known_connection_share_a_fresh_one() {
    for order in [Order::Abort, Order::Cut] {
        local(async {
            let world = World::new(Limits::default(), 100);
            let waiting = waiting_on_a_known_connection(&world, 10).await;
            world.order(0, order);
            assert!(join(waiting).await.iter().all(Result::is_ok));
            assert_eq!(world.dials.get(), 2);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_connect_is_sent_again_on_a_fresh_connection_though_the_other_goes_on() {
    local(async {
        let world = World::new(Limits::default(), 100);
        let _other = world.connect("a").await.unwrap();
        world.answer.set(Answer::SendElsewhere);
        let again = world.spawn_connects("a", 1);
        sleep(DIAL / 2).await;
        world.answer.set(Answer::Accept);
        let _again = join(again).await.remove(0).unwrap();
        assert_eq!(world.pool.stats(), Stats { keys: 1, connections: 2, streams: 2 });
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_connect_is_sent_again_once_and_not_if_its_connection_was_new() {
    local(async {
        let world = World::new(Limits::default(), 100);
        let waiting = waiting_on_a_known_connection(&world, 1).await;
        world.answer.set(Answer::Nothing);
        world.order(0, Order::Cut);
        sleep(2 * DIAL).await;
        world.order(1, Order::Cut);
        assert!(join(waiting).await.iter().all(is_lost));
        assert_eq!(world.dials.get(), 2);

        let new = world.spawn_connects("a", 1);
        sleep(2 * DIAL).await;
        world.order(2, Order::Cut);
        assert!(join(new).await.iter().all(is_lost));
        assert_eq!(world.dials.get(), 3);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_got_a_place_on_an_older_connection_while_it_waited_for_a_dial_is_sent_again_too() {
    local(async {
        let world = World::new(Limits::default(), 1);
        let old = world.connect("a").await.unwrap();
        world.answer.set(Answer::Nothing);
        let waiting = world.spawn_connects("a", 1);
        settle().await;
        drop(old);
        sleep(2 * DIAL).await;
        world.answer.set(Answer::Accept);
        assert_eq!(world.dials.get(), 2);
        world.order(0, Order::Cut);
        assert!(join(waiting).await.iter().all(Result::is_ok));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_leaves_after_every_handshake_costs_few_dials() {
    local(async {
        let world = World::new(Limits::default(), 100);
        world.leaving.set(true);
        let refused = world.connect("a").await;
        assert!(matches!(refused, Err(PoolError::Connect(ConnectError::GoingAway))), "{refused:?}");
        assert_eq!(world.dials.get(), 3);
    })
    .await;
}

fn is_lost(connected: &Connected) -> bool {
    matches!(connected, Err(PoolError::Connect(error)) if error.is_lost())
}

#[tokio::test(start_paused = true)]
async fn a_connect_is_not_sent_again_when_the_pool_closes_its_connection() {
    local(async {
        let world = World::new(Limits::default(), 100);
        let waiting = waiting_on_a_known_connection(&world, 1).await;
        world.pool.close(|_| true);
        let closed = join(waiting).await;
        assert!(matches!(closed[..], [Err(PoolError::Connect(ConnectError::Aborted))]), "{closed:?}");
        assert_eq!(world.dials.get(), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_finds_no_room_for_a_fresh_connection_is_told_what_went_wrong() {
    local(async {
        let world = World::new(Limits { connections: 1, ..Limits::default() }, 100);
        let _other = world.connect("a").await.unwrap();
        world.answer.set(Answer::SendElsewhere);
        let refused = world.connect("a").await;
        assert!(matches!(refused, Err(PoolError::Connect(ConnectError::GoingAway))), "{refused:?}");
    })
    .await;
}
