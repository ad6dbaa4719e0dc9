// The practical's load: one user at first, a thousand after a minute, five thousand after ten more, and each user asks
// for the todos once a second.
//
//   k6 run -e BASE_URL=http://127.0.0.1:8080 -e USERS=0.1 -e TIME=0.1 todos.k6.js
//
// USERS and TIME are factors: 0.1 is a tenth of the users, and a tenth of the time.

import http from "k6/http";
import { check, sleep } from "k6";

const base = __ENV.BASE_URL || "http://127.0.0.1:8080";
const users = (count) => Math.max(1, Math.round(count * Number(__ENV.USERS || 1)));
const time = (seconds) => `${Math.max(1, Math.round(seconds * Number(__ENV.TIME || 1)))}s`;

export const options = {
  scenarios: {
    todos: {
      executor: "ramping-vus",
      startVUs: 1,
      stages: [
        { duration: time(60), target: users(1000) },
        { duration: time(600), target: users(5000) },
      ],
      gracefulRampDown: "10s",
    },
  },
  thresholds: {
    // Not one request may fail, whatever the scaling group does meanwhile.
    checks: ["rate==1"],
    http_req_failed: ["rate==0"],
  },
};

export default function () {
  const began = Date.now();
  const answer = http.get(`${base}/api/v1/todos`);
  check(answer, { "status is 200": (answer) => answer.status === 200 });
  // A second from one request to the next, however long the answer took.
  sleep(Math.max(0, 1 - (Date.now() - began) / 1000));
}
