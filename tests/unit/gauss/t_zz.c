#include "support.h"
#include <stdio.h>
#include <math.h>
int main(void){
 static const char *names[] = {"elu","selu","laplace","softsign"};
 for (size_t i=0;i<4;i++) for (int d=0;d<2;d++){
  Bench b=bench_new(); Fx x=bench_fx(&b,names[i]); if(d) x=fx_diff(b.fx,x,0);
  Pair p=bench_pair(&b,x,x,true,false);
  static const double qq[][2]={{.1,.1},{1,1},{10,10},{.1,10},{2,3}}; static const double dd[]={1,.5,1e-2,1e-5,1e-9,0};
  for(int q=0;q<5;q++) for(int k=0;k<6;k++) for(int s=-1;s<2;s+=2)
   printf("%s%d %g %g %g %d %.16g\n",names[i],d,qq[q][0],qq[q][1],dd[k],s,pair_value(&b,&p,qq[q][0],qq[q][1],dd[k],s,.7,-.4));
  bench_free(&b);} }
