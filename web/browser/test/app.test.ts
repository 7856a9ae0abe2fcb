// A day in the web app of the binary, in two browsers at once.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser } from "playwright-core";
import { newcomer, RoostServer, until } from "@roost/testserver";
import { logInByForm, pictures, signUpByForm, tweetOf } from "./app.js";
import { signUp, startBrowser, tweet, visit } from "./browser.js";

let browser: Browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser?.close());

describe("a day in the app", () => {
  let roost: RoostServer;
  before(async () => {
    roost = await RoostServer.start();
  });
  after(() => roost?.stop());

  test("a newcomer signs up, follows, posts, replies, retweets, likes, and sees what others do", async (t) => {
    const friend = newcomer("friend");
    const key = await signUp(roost.url, { ...friend, name: "An old friend" });
    await tweet(roost.url, key, "Who else has seen the heron? #birds");
    const { page, faults, hosts } = await visit(t, browser);
    const me = newcomer("me");

    await signUpByForm(page, roost.url, me);
    await page.getByText("It is quiet here").waitFor();
    await pictures(page, "first-people");
    await page.getByRole("main").getByRole("button", { name: `Follow @${friend.username}` }).click();
    await tweetOf(page, "the heron").waitFor();

    await page.getByRole("textbox", { name: "What happens?" }).fill("My first tweet");
    await page.getByRole("button", { name: "Tweet", exact: true }).last().click();
    await tweetOf(page, "My first tweet").waitFor();
    assert.equal(await page.getByRole("button", { name: /new post/ }).count(), 0, "one's own tweet does not wait");

    const heron = tweetOf(page, "the heron");
    await heron.getByRole("button", { name: /^Like/ }).click();
    await heron.getByRole("button", { name: "Like, 1 like" }).waitFor();
    await heron.getByRole("button", { name: /^Retweet/ }).click();
    await heron.getByRole("button", { name: "Retweet, 1 retweet" }).waitFor();

    await heron.getByRole("button", { name: /^Reply/ }).click();
    await page.getByRole("dialog").getByRole("textbox", { name: "Your reply" }).fill("I have, twice.");
    await pictures(page, "reply");
    await page.getByRole("dialog").getByRole("button", { name: "Reply", exact: true }).click();
    await heron.getByRole("button", { name: "Reply, 1 reply" }).waitFor();
    await pictures(page, "home");

    // What another browser's user does comes by itself.
    const second = await visit(t, browser, 390, 844);
    await logInByForm(second.page, roost.url, friend);
    await tweetOf(second.page, "the heron").getByRole("button", { name: "Like, 1 like" }).waitFor();
    await tweetOf(second.page, "the heron").getByRole("button", { name: /^Like/ }).click();
    await heron.getByRole("button", { name: "Like, 2 likes" }).waitFor();
    await second.page.getByRole("button", { name: "New tweet" }).click();
    await second.page.getByRole("dialog").getByRole("textbox").fill("It is back on the weir");
    await second.page.getByRole("dialog").getByRole("button", { name: "Tweet", exact: true }).click();
    const pill = page.getByRole("button", { name: "1 new post" });
    await pill.waitFor();
    assert.equal(await tweetOf(page, "on the weir").count(), 0, "it waits in the pill");
    await pictures(page, "pill");
    await pill.click();
    await tweetOf(page, "on the weir").waitFor();

    // The pages behind.
    await heron.click({ position: { x: 5, y: 5 } });
    await page.getByRole("heading", { name: "Tweet", exact: true }).waitFor();
    await tweetOf(page, "I have, twice.").waitFor();
    await pictures(page, "tweet");
    await page.getByRole("link", { name: "#birds" }).click();
    await page.getByRole("heading", { name: "#birds" }).waitFor();
    await tweetOf(page, "the heron").waitFor();
    await page.goBack();
    await page.goBack();
    await tweetOf(page, "My first tweet").waitFor();
    await page.getByRole("searchbox", { name: "Search" }).or(page.getByRole("combobox", { name: "Search" })).first().fill("weir back");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "My home" }).click();
    await until("the search index has the tweet", async () => {
      await page.reload();
      await page.getByRole("button", { name: "My home" }).click();
      await page.locator(".empty:visible, main [data-tweet]:visible").first().waitFor();
      return (await tweetOf(page, "on the weir").count()) === 1;
    });
    await pictures(page, "search-home");
    await page.goto(`${roost.url}/@${friend.username}`);
    await page.getByText("1 follower").waitFor();
    await pictures(page, "profile");

    assert.deepEqual(faults, []);
    assert.deepEqual([...hosts], [new URL(roost.url).host]);
  });

  test("one browser signs the other out, and that one says so", async (t) => {
    const me = newcomer("twice");
    const first = await visit(t, browser);
    const second = await visit(t, browser);
    await signUpByForm(first.page, roost.url, me);
    await logInByForm(second.page, roost.url, me);
    await second.page.goto(`${roost.url}/settings/sessions`);
    await second.page.getByRole("button", { name: "Sign out of all others" }).click();
    await first.page.getByText("the session was ended from another device").waitFor();
    await pictures(first.page, "signed-out");
    await first.page.getByRole("alert").getByRole("link", { name: "Log in" }).click();
    await first.page.getByRole("heading", { name: "Log in" }).waitFor();
    assert.deepEqual(await first.page.evaluate(() => [Object.keys(localStorage), Object.keys(sessionStorage)]), [[], []], "nothing is kept");
    assert.deepEqual(second.faults, []);
  });

  test("the keyboard alone does it all", async (t) => {
    const friend = newcomer("keys");
    const key = await signUp(roost.url, friend);
    await tweet(roost.url, key, "Press a key");
    const me = newcomer("typist");
    const { page, faults } = await visit(t, browser);
    await signUpByForm(page, roost.url, me);
    await page.keyboard.press("/");
    await page.keyboard.type(friend.username);
    await page.getByRole("option").first().waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await tweetOf(page, "Press a key").waitFor();
    const follow = page.getByRole("main").getByRole("button", { name: `Follow @${friend.username}` });
    await follow.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("main").getByRole("button", { name: `Following @${friend.username}` }).waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("l");
    await tweetOf(page, "Press a key").getByRole("button", { name: "Like, 1 like" }).waitFor();
    await page.keyboard.press("t");
    await tweetOf(page, "Press a key").getByRole("button", { name: "Retweet, 1 retweet" }).waitFor();
    await page.keyboard.press("Enter");
    await page.locator("[data-focal]").waitFor();
    await page.keyboard.press("r");
    await page.getByRole("dialog").getByRole("textbox").waitFor();
    await page.keyboard.type("Typed");
    await page.keyboard.press("Control+Enter");
    await tweetOf(page, "Typed").waitFor();
    await page.keyboard.press("h");
    await page.getByRole("heading", { name: "Home" }).waitFor();
    await page.keyboard.press("n");
    await page.getByRole("dialog").getByRole("textbox").waitFor();
    await page.keyboard.type("No mouse");
    await page.keyboard.press("Control+Enter");
    await tweetOf(page, "No mouse").waitFor();
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await page.keyboard.press("Escape");
    await until("the dialog has closed", async () => (await page.getByRole("dialog").count()) === 0);
    assert.deepEqual(faults, []);
  });
});
