// A program with types generated from /openapi.json; prints what it got, one JSON object a line.
import createClient from "openapi-fetch";
import type { components, paths } from "./easel.d.ts";

type Job = components["schemas"]["Job"];
type Problem = components["schemas"]["Problem"];
declare const process: { argv: string[] };

const easel = createClient<paths>({ baseUrl: process.argv[2] });
const body = { prompt: "a red fox", metadata: { project: "typescript" } };

const submitted = await easel.POST("/v1/jobs", { body, params: { header: { prefer: "wait=30" } } });
if (submitted.error) throw new Error(submitted.error.detail);
if (submitted.data.object !== "job") throw new Error("a dry run?");
const job: Job = submitted.data;
const picture = await (await fetch(job.images[0].url)).blob();
console.log(JSON.stringify({ call: "submit_job", status: job.status, type: picture.type }));

const listed = await easel.GET("/v1/jobs", { params: { query: { metadata: ["project:typescript"] } } });
console.log(JSON.stringify({ call: "list_jobs", same: listed.data?.data[0].id === job.id }));

const refused = await easel.POST("/v1/jobs", { body: { ...body, size: "1x1" } });
const problem: Problem | undefined = refused.error;
console.log(JSON.stringify({ call: "refused", code: problem?.code, param: problem?.param }));

const varied = await easel.POST("/v1/images/variations", {
  body: { image: "a string to the types, a file to the form", n: 2 },
  bodySerializer: ({ n }) => {
    const form = new FormData();
    form.append("n", String(n));
    form.append("image", picture, "fox.png");
    return form;
  },
});
console.log(JSON.stringify({ call: "vary_image", images: varied.data?.data.length }));
